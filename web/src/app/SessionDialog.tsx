// The session has ended while the page was open: sign in over the page; what was typed stays, what failed is repeated.
import { useCallback, useEffect, useState } from 'react';
import { ApiError } from '../api/errors';
import { Late } from './Late';

const load = () => import('./SessionModal');
let waiting: { promise: Promise<void>; done: () => void; failed: (why: Error) => void } | null = null;
let show: (open: boolean) => void = () => {};

export function signInAgain(): Promise<void> {
  if (!waiting) {
    let done = () => {}, failed: (why: Error) => void = () => {};
    const promise = new Promise<void>((resolve, reject) => {
      done = resolve;
      failed = reject;
    });
    waiting = { promise, done, failed };
    show(true);
  }
  return waiting.promise;
}

export function SessionDialog() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    show = setOpen;
    return () => {
      show = () => {};
    };
  }, []);
  const signedIn = () => {
    setOpen(false);
    waiting?.done();
    waiting = null;
  };
  const failed = useCallback(() => {
    setOpen(false);
    waiting?.failed(new ApiError(0, 'NETWORK', 'The server could not be reached.'));
    waiting = null;
  }, []);
  return <Late opened={open} load={load} onFailed={failed}>{(SessionModal) => <SessionModal opened={open} onDone={signedIn} />}</Late>;
}
