// After an update the pieces of the old page are gone: drafts are kept as they are typed, so the page is loaded anew,
// once. A piece that fails again after that is an error that is shown. Without the server there is no page to load.
import { serverReached } from './network';

const place = 'opboxd.reloaded';
const soonMs = 30_000;

export function reloadOnceForNewVersion(): void {
  addEventListener('vite:preloadError', (event) => {
    const last = Number(sessionStorage.getItem(place));
    if (!serverReached() || Date.now() - last < soonMs) return;
    event.preventDefault();
    sessionStorage.setItem(place, String(Date.now()));
    location.reload();
  });
}
