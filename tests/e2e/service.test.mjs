// As a service: what systemd's notify protocol says, read from a real datagram socket, and the watchdog.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { folder, initialized, serve } from './harness.mjs';

// Node has no datagram sockets of the local kind: Python listens, and prints each datagram as a line of JSON.
const listener = `import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1))
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)`;

async function manager(t, address) {
  const child = spawn('python3', ['-c', listener, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const said = [];
  let rest = '', wake = () => {};
  child.stdout.on('data', (d) => {
    const lines = (rest + d).split('\n');
    rest = lines.pop();
    said.push(...lines.map((l) => JSON.parse(l)));
    wake();
  });
  // The next datagram that `pattern` fits, from `at` on.
  const hears = async (pattern, at = 0) => {
    for (;;) {
      const found = said.findIndex((d, i) => i >= at && pattern.test(d));
      if (found >= 0) return found;
      await new Promise((done) => (wake = done));
    }
  };
  await hears(/bound/);
  return { said, hears };
}

for (const [kind, address] of [['a path', () => join(folder(), 'notify')], ['an abstract name', () => `@opboxd-test-${process.pid}`]])
  test(`ready, reloading, stopping, to ${kind}`, async (t) => {
    const at = address(), m = await manager(t, at), s = await initialized();
    const server = await serve(s, { env: { NOTIFY_SOCKET: at } });
    const ready = await m.hears(/^READY=1$/m);
    assert.match(m.said[ready], /^STATUS=Serving on 127\.0\.0\.1:/m);
    assert.equal((await fetch(server.base + '/readyz')).status, 200, 'it is ready when it says so');
    server.child.kill('SIGHUP');
    const reloading = await m.hears(/^RELOADING=1$/m);
    assert.match(m.said[reloading], /^MONOTONIC_USEC=\d+$/m);
    const again = await m.hears(/^READY=1$/m, reloading);
    assert.ok(!m.said.some((d) => /STOPPING|WATCHDOG/.test(d)), 'nobody asked for a watchdog');
    await server.stop();
    await m.hears(/^STOPPING=1$/m, again);
    assert.equal(m.said.length, 5, JSON.stringify(m.said));
  });

test('the watchdog is fed for as long as the process goes', async (t) => {
  const at = join(folder(), 'notify'), m = await manager(t, at), s = await initialized();
  const server = await serve(s, { env: { NOTIFY_SOCKET: at, WATCHDOG_USEC: '100000' } });
  let last = await m.hears(/^READY=1$/m);
  for (let i = 0; i < 5; i++) last = await m.hears(/^WATCHDOG=1$/m, last + 1);
  // A reload neither stands in for it nor puts it off.
  server.child.kill('SIGHUP');
  last = await m.hears(/^RELOADING=1$/m, last);
  await m.hears(/^WATCHDOG=1$/m, last);
  assert.ok(!server.log.includes('does not turn'));
  assert.equal((await server.stop()).code, 0);
});

test('a watchdog of another process, and a manager that is gone, are no matter', async (t) => {
  const at = join(folder(), 'notify'), m = await manager(t, at), s = await initialized();
  const server = await serve(s, { env: { NOTIFY_SOCKET: at, WATCHDOG_USEC: '50000', WATCHDOG_PID: '1' } });
  await m.hears(/^READY=1$/m);
  server.child.kill('SIGHUP');
  await m.hears(/^READY=1$/m, await m.hears(/^RELOADING=1$/m));
  await server.stop();
  await m.hears(/^STOPPING=1$/m);
  assert.ok(!m.said.some((d) => /WATCHDOG/.test(d)));
  const alone = await serve(s, { env: { NOTIFY_SOCKET: at + '.absent' } });
  assert.equal((await fetch(alone.base + '/readyz')).status, 200);
  assert.equal((await alone.stop()).code, 0);
  assert.match(alone.log, /the service manager could not be told/);
});
