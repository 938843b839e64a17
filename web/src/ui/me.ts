// Who works here, and where: one request that each screen reads from the cache.
import { createContext, useContext } from 'react';
import type { Operation, Out } from '../api/operations';
import { mayCall } from '../api/operations';

export type Me = Out<'get_current_context'>;
export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('useMe outside of the shell');
  return me;
}

export function useMay(): (operation: Operation | undefined) => boolean {
  const me = useMe();
  return (operation) => operation === undefined || mayCall(me, operation);
}
