// What a shell and man get from the program's tables: completion that is really done, in bash and in zsh, and manual
// pages without a complaint.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { cliOk, folder, program } from './harness.mjs';

const has = (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;

function ok(argv, options) {
  const r = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', timeout: 60_000, ...options });
  assert.equal(r.status, 0, `${argv.join(' ')}\n${r.stdout}${r.stderr}`);
  return r;
}

// What Tab would offer behind these words, the last of which is being typed.
const bash = `source "$1"; shift
COMP_WORDS=(opboxd "$@") COMP_CWORD=$#
_opboxd
printf '%s\\n' "\${COMPREPLY[@]}"`;

test('completion in bash: commands, their words, operations, flags, and what flags take', async () => {
  const dir = folder(), script = join(dir, 'opboxd.bash');
  writeFileSync(script, await cliOk(['completion', 'bash']));
  writeFileSync(join(dir, 'a file'), '');
  mkdirSync(join(dir, 'a folder'));
  const offered = (...words) => {
    const r = ok(['bash', '--norc', '-c', bash, 'bash', script, ...words], { cwd: dir });
    assert.equal(r.stderr, '');
    return r.stdout.split('\n').filter(Boolean);
  };
  const commands = [...(await cliOk(['help'])).matchAll(/^ {2}([a-z-]+) {2,}/gm)].map((m) => m[1]);
  assert.ok(commands.length > 15);
  assert.deepEqual(offered('').sort(), [...commands, 'help'].sort());
  assert.deepEqual(offered('back'), ['backup']);
  assert.deepEqual(offered('user', ''), ['add', 'passwd', 'reset-2fa', 'list']);
  assert.deepEqual(offered('keys', 'r'), ['rotate']);
  assert.deepEqual(offered('user', 'add', '--role', 'M'), ['MEMBER']);
  assert.deepEqual(offered('user', 'add', '--ro'), ['--role', '--root-key-file']);
  assert.deepEqual(offered('user', 'add', '--email', ''), []);
  const operations = JSON.parse(await cliOk(['operations', '--json'])).map((o) => o.name);
  assert.deepEqual(offered('call', '').sort(), operations.sort());
  assert.deepEqual(offered('call', 'create_doc'), operations.filter((o) => o.startsWith('create_doc')));
  assert.deepEqual(offered('serve', '--log-level', 'w'), ['warn']);
  assert.deepEqual(offered('serve', '--log-level', '=', 'w'), ['warn'], 'as bash breaks --log-level=w');
  assert.deepEqual(offered('serve', '--log-level', '='), ['debug', 'info', 'warn', 'error']);
  assert.deepEqual(offered('serve', '--data', 'a'), ['a folder']);
  assert.deepEqual(offered('serve', '--config', 'a').sort(), ['a file', 'a folder']);
  assert.deepEqual(offered('log', 'export', 'a').sort(), ['a file', 'a folder']);
  assert.deepEqual(offered('backup', 'a').sort(), ['a file', 'a folder']);
  assert.deepEqual(offered('version', ''), []);
  // No flag that --help names is missing.
  for (const command of commands) {
    const flags = (await cliOk([command, '--help'])).match(/(?<![\w-])--[a-z][a-z0-9-]*/g);
    const all = new Set(offered(command, '--'));
    for (const flag of flags) assert.ok(all.has(flag), `${command} ${flag}`);
  }
});

// A zsh on a terminal: each line is typed, then Tab, then a key that shows what the line is now.
const zsh = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PS2= TERM=dumb; unsetopt zle_bracketed_paste beep; fpath=($1 \\$fpath); autoload -U compinit; compinit -u -D"
zpty -w z 'show() { print -rn -- "<<$BUFFER>>"; BUFFER=; }; zle -N show; bindkey "^X" show; print LOA""DED'
zpty -r -m z said '*LOADED*'
shift
for line; do
  zpty -w -n z "$line"$'\\t\\x18'
  zpty -r -m z said '*<<*>>'
  print -r -- "\${\${said##*<<}%%>>*}"
done
zpty -d z`;

test('completion in zsh, on a terminal', { skip: !has('zsh') }, async () => {
  const dir = folder();
  writeFileSync(join(dir, '_opboxd'), await cliOk(['completion', 'zsh']));
  const lines = { 'opboxd back': 'opboxd backup ', 'opboxd user pas': 'opboxd user passwd ', 'opboxd call create_doc': 'opboxd call create_document ',
    'opboxd user add --rol': 'opboxd user add --role=', 'opboxd user add --role M': 'opboxd user add --role MEMBER ',
    'opboxd serve --log-level=w': 'opboxd serve --log-level=warn ', 'opboxd serve --public': 'opboxd serve --public-url=',
    [`opboxd serve --config ${dir}/_op`]: `opboxd serve --config ${dir}/_opboxd ` };
  const r = ok(['zsh', '-f', '-c', zsh, 'zsh', dir, ...Object.keys(lines)]);
  // zsh takes a space of its own back when the next key asks for it, so it does not count.
  assert.deepEqual(r.stdout.trimEnd().split('\n').map((l) => l.trimEnd()), Object.values(lines).map((l) => l.trimEnd()), r.stderr);
});

test('manual pages name every command and every setting, and have no fault', async () => {
  const dir = folder(), env = { SOURCE_DATE_EPOCH: '1700000000' };
  const commands = [...(await cliOk(['help'])).matchAll(/^ {2}([a-z-]+) {2,}/gm)].map((m) => m[1]);
  const settings = [...(await cliOk(['configuration'])).matchAll(/^\| `--([a-z0-9-]+)` \| `(\w+)`/gm)];
  const pages = {};
  for (const page of ['1', '5']) {
    const file = join(dir, `opboxd.${page}`);
    writeFileSync(file, await cliOk(['man', page], { env }));
    assert.match(await cliOk(['man', page], { env }), /^\.TH \S+ [15] "2023-11-14"/m);
    if (has('mandoc')) {
      const r = spawnSync('mandoc', ['-Tlint', '-Wwarning', file], { encoding: 'utf8' });
      assert.equal(r.stdout + r.stderr, '');
      pages[page] = ok(['mandoc', '-Tutf8', '-Owidth=500', file]).stdout.replace(/.\x08/g, '');
    } else {
      const r = ok(['man', '--warnings', '-E', 'UTF-8', '-l', file], { env: { ...process.env, MANWIDTH: '500', MAN_KEEP_FORMATTING: '' } });
      assert.equal(r.stderr, '');
      pages[page] = r.stdout;
    }
  }
  for (const name of commands) assert.match(pages[1], new RegExp(`^ +opboxd ${name}\\b`, 'm'), name);
  assert.ok(settings.length > 30);
  for (const [, name, variable] of settings) assert.match(pages[5], new RegExp(`^ +${name}, ${variable}$`, 'm'), name);
  assert.match(pages[5], /One of debug, info, warn, error\./);
  assert.match(pages[5], /From 16 to 1000000\./);
});

test('which shell, which page: wrong usage is told', async () => {
  for (const args of [['completion'], ['completion', 'fish'], ['man'], ['man', '8'], ['man', '1', '5']]) {
    const r = spawnSync(program, args, { encoding: 'utf8' });
    assert.equal(r.status, 2, args.join(' '));
    assert.match(r.stderr, /^opboxd: [^\n]+\n$/);
  }
});
