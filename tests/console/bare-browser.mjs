// A browser that nothing listens to but the commands sent here. A debugger that listens (Playwright always does) makes V8 find the
// source line of every Error that is created; React creates some while it loads, and its whole file is parsed again for each.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumArgs, chromiumPath } from './chromium.mjs';

export async function bareBrowser() {
  const folder = mkdtempSync(join(tmpdir(), 'opboxd-browser-'));
  const child = spawn(chromiumPath, ['--headless', '--remote-debugging-port=0', `--user-data-dir=${folder}`, '--no-first-run', ...chromiumArgs, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  const url = await new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (piece) => {
      said += piece;
      const found = said.match(/DevTools listening on (\S+)/);
      if (found) resolve(found[1]);
    });
    child.once('exit', (code) => reject(new Error(`the browser ended (${code}): ${said}`)));
  });
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const open = new Map();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const waiting = open.get(id);
    open.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  };
  const send = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
    open.set(++last, { resolve, reject });
    socket.send(JSON.stringify({ id: last, method, params, ...(sessionId ? { sessionId } : {}) }));
  });
  return {
    // A page in a profile of its own, with these cookies; `evaluate` waits for what the expression promises.
    async page(cookies, { width = 1280, height = 800 } = {}) {
      const { browserContextId } = await send('Target.createBrowserContext');
      await send('Storage.setCookies', { browserContextId, cookies });
      const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId, width, height });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      return {
        slow: (rate) => send('Emulation.setCPUThrottlingRate', { rate }, sessionId),
        go: (to) => send('Page.navigate', { url: to }, sessionId),
        evaluate: async (expression) => (await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId)).result.value,
        close: () => send('Target.disposeBrowserContext', { browserContextId }),
      };
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await send('Browser.close').catch(() => child.kill());
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
