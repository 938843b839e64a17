// Debian's Chromium without the windows of a desktop, which would take more processor time than the pages in them.
// CHROMIUM names another one.
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell';
export const chromiumArgs = ['--no-sandbox', '--disable-background-networking', '--disable-dev-shm-usage', '--disable-gpu'];
