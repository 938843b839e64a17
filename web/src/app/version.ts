// After an update the pieces of the old page are gone: drafts are kept as they are typed, so the page is loaded anew,
// once. A piece that fails again after that is an error that is shown. Without the server there is no page to load.
import { serverReached } from './network';

const place = 'opboxd.reloaded';
const soonMs = 30_000;

// What is fetched ahead, because a pointer rests on a link, is no reason to leave the page.
let ahead = 0;
export const fetchedAhead = <T>(load: () => Promise<T>): Promise<T> => {
  ahead++;
  return load().finally(() => ahead--);
};
// Vite gives undefined for a piece whose failure was taken over here: it never comes, since the page goes.
export const unlessReloading = <T>(load: () => Promise<T>) => (): Promise<T> => load().then((piece) => piece ?? new Promise<T>(() => {}));

export function reloadOnceForNewVersion(): void {
  addEventListener('vite:preloadError', (event) => {
    const last = Number(sessionStorage.getItem(place));
    if (ahead || !serverReached() || Date.now() - last < soonMs) return;
    event.preventDefault();
    sessionStorage.setItem(place, String(Date.now()));
    location.reload();
  });
}
