// What is released: the tarball, the Debian package made of it, and the service's sandbox. The package takes the build
// that the tests run on, so that nothing is compiled twice.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import test, { before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cli, cliOk, folder, initialized, owner, pgUrl, program, serve, signedIn } from './harness.mjs';

const here = dirname(fileURLToPath(import.meta.url)), top = resolve(here, '../..');
const build = resolve(dirname(program), '..');
const version = /version: '([^']+)'/.exec(readFileSync(join(top, 'meson.build'), 'utf8'))[1];

function run(argv, options) {
  const r = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', cwd: top, timeout: 240_000, maxBuffer: 64 << 20, ...options });
  assert.equal(r.status, 0, `${argv.join(' ')}\n${r.stdout}${r.stderr}${r.error ?? ''}`);
  return r.stdout;
}

// Why this build cannot be packaged, or false.
function unfit() {
  const options = existsSync(join(build, 'meson-info')) && run(['meson', 'introspect', '--buildoptions', build]);
  if (!options) return 'OPBOXD is not in a Meson build';
  const value = (name) => JSON.parse(options).find((o) => o.name === name).value;
  return value('prefix') === '/usr' && value('console') ? false : 'the build needs --prefix=/usr -Dconsole=true';
}

// ---- the release ----

test('a release is the same byte by byte when made twice, and builds its console without npm', async () => {
  const [one, two] = [folder(), folder()], name = `opboxd-${version}`;
  for (const out of [one, two]) run(['tools/make-tarball.sh', out]);
  const bytes = readFileSync(join(one, `${name}.tar.xz`));
  assert.ok(bytes.equals(readFileSync(join(two, `${name}.tar.xz`))));
  assert.deepEqual(readdirSync(one), [`${name}.tar.xz`]);
  run(['tar', '-xf', `${name}.tar.xz`], { cwd: one });
  const tree = join(one, name);
  const tracked = run(['git', 'ls-files', '-z']).split('\0').filter((f) => f && existsSync(join(top, f))).sort();
  const held = run(['find', '.', '-type', 'f', '-printf', '%P\\0'], { cwd: tree }).split('\0').filter(Boolean).sort();
  assert.deepEqual(held.filter((f) => !f.startsWith('web/dist/') && f !== '.release-epoch'), tracked);
  assert.ok(held.includes('web/dist/files.json') && held.includes('web/dist/index.html'));
  const stubs = folder();
  for (const tool of ['npm', 'node']) {
    writeFileSync(join(stubs, tool), '#!/bin/sh\nexit 99\n');
    chmodSync(join(stubs, tool), 0o755);
  }
  const env = { ...process.env, PATH: `${stubs}:${process.env.PATH}` };
  assert.equal(run(['tools/build-console.sh', '--needs'], { cwd: tree, env }), '');
  run(['tools/build-console.sh'], { cwd: tree, env });
  run(['meson', 'setup', 'build', '-Dtests=false', '-Dconsole=true'], { cwd: tree, env });
  run(['ninja', '-C', 'build', 'src/http/console_files.c'], { cwd: tree, env });
  assert.match(readFileSync(join(tree, 'build/src/http/console_files.c'), 'utf8'), /index\.html/);
});

// ---- the package ----

const scratch = folder();
let deb;
before(() => {
  if (unfit()) return;
  deb = run(['tools/make-deb.sh', folder()], { env: { ...process.env, OPBOXD_BUILD: build, DEB_BUILD_OPTIONS: 'noautodbgsym' } }).trim().split('\n').at(-1);
  run(['dpkg-deb', '-x', deb, scratch]);
});

test('the package: what it holds, what it needs, and lintian', { skip: unfit() }, () => {
  const field = (name) => run(['dpkg-deb', '-f', deb, name]).trim();
  assert.equal(field('Version'), version);
  for (const library of ['libc6', 'libcurl4', 'libpq5', 'libsodium23', 'libsqlite3-0', 'libssl3', 'libuv1'])
    assert.match(field('Depends'), new RegExp(`\\b${library} \\(>= `), 'found by dpkg-shlibdeps');
  for (const path of ['usr/bin/opboxd', 'lib/systemd/system/opboxd.service', 'usr/lib/sysusers.d/opboxd.conf', 'etc/opboxd/opboxd.conf',
    'usr/share/man/man1/opboxd.1.gz', 'usr/share/man/man5/opboxd.conf.5.gz', 'usr/share/bash-completion/completions/opboxd',
    'usr/share/zsh/vendor-completions/_opboxd', 'usr/share/doc/opboxd/copyright'])
    assert.ok(existsSync(join(scratch, path)), path);
  const control = folder();
  run(['dpkg-deb', '-e', deb, control]);
  assert.equal(readFileSync(join(control, 'conffiles'), 'utf8'), '/etc/opboxd/opboxd.conf\n');
  const postinst = readFileSync(join(control, 'postinst'), 'utf8');
  assert.match(postinst, /systemd-sysusers .*opboxd\.conf/);
  assert.match(postinst, /deb-systemd-helper enable 'opboxd\.service'/);
  run(['lintian', '--allow-root', '--fail-on', 'error,warning', deb]);
});

test('the unit is one that systemd takes, tightly shut, for a user that is made', { skip: unfit() }, () => {
  run(['systemd-sysusers', `--root=${scratch}`]);
  assert.match(readFileSync(join(scratch, 'etc/passwd'), 'utf8'), /^opboxd:x:\d+:\d+:opboxd:\/var\/lib\/opboxd:\/usr\/sbin\/nologin$/m);
  // Where the program is not installed, its path is what systemd would complain about.
  const unit = join(folder(), 'opboxd.service'), text = readFileSync(join(scratch, 'lib/systemd/system/opboxd.service'), 'utf8');
  assert.match(text, /^ExecStart=\/usr\/bin\/opboxd serve --config \/etc\/opboxd\/opboxd\.conf$/m);
  writeFileSync(unit, text.replace('/usr/bin/opboxd', program).replace(/^Documentation=.*\n/m, ''));
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  const complaints = verified.stderr.split('\n').filter((line) => line.includes('opboxd'));
  assert.deepEqual(complaints, []);
  const level = /exposure level for opboxd\.service: (\d+\.\d+)/.exec(run(['systemd-analyze', 'security', '--offline=yes', '--no-pager', unit]));
  assert.ok(Number(level[1]) <= 1.5, level[0]);
});

test('the packaged program serves with the packaged settings', { skip: unfit() }, async () => {
  const packaged = join(scratch, 'usr/bin/opboxd'), s = await initialized();
  assert.equal(await cliOk(['version'], { program: packaged }), `opboxd ${version}\n`);
  const server = await serve(s, { program: packaged, flags: ['--config', join(scratch, 'etc/opboxd/opboxd.conf')] });
  assert.equal((await fetch(server.base + '/readyz')).status, 200);
  assert.match(await (await fetch(server.base + '/')).text(), /<script[^>]+src="\/assets\//, 'the console is inside');
  assert.equal((await server.stop()).code, 0);
});

// ---- the service's sandbox ----

// A server in it does what servers do; a system call that the unit's filter does not know would end it.
for (const engine of ['sqlite', 'postgres'])
  test(`serving under the unit's filter of system calls, ${engine}`, { skip: engine === 'postgres' && !pgUrl }, async (t) => {
    const sandbox = { program: join(here, 'sandbox.py') }, s = await initialized(engine), path = join(folder(), 'backup');
    s.env = { ...s.env, SANDBOX_UNIT: join(top, 'packaging/opboxd.service.in'), SANDBOX_PROGRAM: program };
    let posted = 0;
    const sink = createServer((request, response) => { posted++; request.resume(); response.end(); });
    await new Promise((done) => sink.listen(0, '127.0.0.1', done));
    t.after(() => sink.close());
    const server = await serve(s, { ...sandbox, flags: ['--log-sink', `http://127.0.0.1:${sink.address().port}/`] });
    const client = await signedIn(server);
    assert.equal((await client.json('/api/documents', { method: 'POST', json: { title: 'One', markdown: '# Words\n\nto be found' } })).status, 201);
    assert.match(await cliOk(['chat', 'Which pages do we have?', '--as', owner.email, ...s.flags], { env: s.env, ...sandbox }), /One/);
    await cliOk(['backup', path, ...s.flags], { env: s.env, ...sandbox });
    server.child.kill('SIGHUP');
    assert.equal((await fetch(server.base + '/metrics')).status, 200);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.match(server.log, /reloaded/);
    const again = await serve(s, { ...sandbox, flags: ['--log-sink', `http://127.0.0.1:${sink.address().port}/`] });
    while (!posted) await new Promise((done) => sink.once('request', done));
    await again.stop();
    const doctor = await cli(['doctor', ...s.flags], { env: s.env, ...sandbox });
    assert.equal(doctor.code, 0, doctor.err);
  });
