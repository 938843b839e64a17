/* Runs before the first paint, as a file of its own since the policy allows no inline script: colours, density,
 * navigation and direction as they were chosen on this device. */
(function () {
  var root = document.documentElement, kept = {};
  try {
    kept = JSON.parse(localStorage.getItem('opboxd.display') || '{}') || {};
  } catch (e) {
    kept = {};
  }
  var dark = kept.scheme === 'dark' || (kept.scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  if (kept.density === 'compact') root.setAttribute('data-density', 'compact');
  if (kept.nav === 'icons') root.setAttribute('data-icons', '');
  if (kept.language === 'mirrored') root.dir = 'rtl';
})();
