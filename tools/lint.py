#!/usr/bin/env python3
"""make lint: the rules of docs/ARCHITECTURE.md and CONTRIBUTING.md that a program can check.

    lint.py            format, order, names, sizes … of all files; clang-tidy and cppcheck on changed ones
    lint.py --all      clang-tidy and cppcheck on all

Exceptions stand in tools/lint-exceptions.txt, one "rule path[:name]" a line; the list may only shrink: an
exception that is not needed any more is a fault too.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ORDER = ['base', 'db', 'net', 'blob', 'vault', 'op', 'audit', 'tenancy', 'auth', 'limits', 'jobs', 'cost', 'credentials', 'llm',
         'run', 'kb', 'search', 'chat', 'http', 'cli']
FUNCTION_LINES, FILE_LINES = 70, 1000
# Steps that run outside a transaction of the gate: each is a place where a deed could be half done.
TX_NONE_ROWS_MAX = 40
BANNED = ['sprintf', 'vsprintf', 'strcpy', 'strcat', 'strncpy', 'strtok', 'gets', 'alloca', 'atoi', 'atol', 'system',
          'popen', 'tmpnam', 'mktemp', 'asctime', 'ctime', 'localtime', 'gmtime', 'setenv', 'putenv', 'rand', 'srand']
# header -> folders that may include it
LIBRARIES = {'openssl/': ['base'], 'sqlite3.h': ['db'], 'libpq-fe.h': ['db'], 'uv.h': ['net', 'http'],
             'llhttp.h': ['http'], 'sodium.h': ['auth'], 'qrencode.h': ['auth'], 'zlib.h': ['db'], 'curl/': ['blob', 'cli', 'net']}
SQL = re.compile(r'"\s*(SELECT\s|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX)|ALTER\s+TABLE)')

faults = []
exceptions, used = set(), set()


def fault(rule, path, text, name=''):
    key = f'{rule} {path}' + (f':{name}' if name else '')
    if key in exceptions:
        used.add(key)
        return
    faults.append(f'{path}: {text}   [{rule}]')


def files(folder, *endings):
    out = []
    for root, dirs, names in os.walk(os.path.join(TOP, folder)):
        dirs[:] = [d for d in dirs if d not in ('node_modules', 'corpus')]
        out += [os.path.relpath(os.path.join(root, n), TOP) for n in names if n.endswith(endings)]
    return sorted(out)


def read(path):
    return open(os.path.join(TOP, path), encoding='utf-8').read()


def strip_comments(text):
    blank = lambda m: re.sub(r'[^\n]', ' ', m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def strip_strings(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', '""', text)


def check_order(path, text):
    folder = path.split('/')[1]
    if folder not in ORDER:
        if path != 'src/main.c':
            fault('order', path, 'its folder has no place in the order')
        return
    for name in re.findall(r'#include "([a-z]+)/', text):
        if name in ORDER and ORDER.index(name) > ORDER.index(folder):
            fault('order', path, f'{folder} includes {name}, which stands to its right')
    for header, folders in LIBRARIES.items():
        if re.search(r'#include <' + re.escape(header), text) and folder not in folders:
            fault('library', path, f'only {" and ".join(folders)} may include {header}')


def check_calls(path, text):
    for name in BANNED:
        if re.search(r'(?<![\w.>])' + name + r'\s*\(', text):
            fault('banned', path, f'{name} is not used here', name)
    if re.search(r'\btypedef\s+struct\b', text):
        fault('typedef', path, 'structs have no typedef')


def check_functions(path, text):
    lines = text.split('\n')
    if len(lines) > FILE_LINES:
        fault('file-size', path, f'{len(lines)} lines, {FILE_LINES} at most')
    start = name = None
    for i, line in enumerate(lines):
        if line == '{' and start is None:
            head = ' '.join(lines[max(0, i - 4):i])
            found = re.findall(r'(\w+)\s*\(', head)
            start, name = i, found[-1] if found else '?'
        elif line.startswith('}') and start is not None:
            if i - start - 1 > FUNCTION_LINES:
                fault('function-size', path, f'{name} has {i - start - 1} lines, {FUNCTION_LINES} at most', name)
            start = None


def check_statics(path, text):
    for m in re.finditer(r'^\s*static\s+(?!const\b|inline\b|_Thread_local const\b)([^;(){}=]+?)(?:\[[^\]]*\])*\s*(?:=|;)', text, re.M):
        declared = m.group(1).strip()
        if ' const ' in f' {declared} ' or declared.startswith('_Static_assert'):
            continue
        name = re.findall(r'\w+', declared)[-1]
        fault('mutable-static', path, f'{declared} is global mutable state', name)


def check_source(path):
    raw = read(path)
    bare = strip_comments(raw)
    text = strip_strings(bare)
    check_order(path, bare)
    check_calls(path, text)
    check_functions(path, text)
    if path.endswith('.c'):
        check_statics(path, text)
        if SQL.search(bare):
            fault('sql', path, 'SQL stands in .sql files')
        if not raw.lstrip().startswith('/*'):
            fault('opening', path, 'a .c file opens with what it is for')
    if re.search(r'\.kind\s*=\s*OP_RAW', bare) and not re.match(r'src/(auth/nextauth|mcp/)', path):
        fault('raw', path, 'OP_RAW only in auth/nextauth*.c and mcp/')
    return len(re.findall(r'\.tx\s*=\s*TX_NONE', bare))


def run(argv):
    done = subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def check_format(paths):
    code, out = run(['clang-format', '--dry-run', '-Werror', '--ferror-limit=1'] + paths)
    for path in sorted(set(re.findall(r'^([^\s:]+):\d+:\d+: error: code should be clang-formatted', out, re.M))):
        fault('format', os.path.relpath(os.path.join(TOP, path), TOP), 'run clang-format -i on it')


def compile_flags():
    code, out = run(['pkg-config', '--cflags', 'libuv', 'libpq', 'sqlite3', 'libcurl'])
    return ['-std=gnu17', '-D_GNU_SOURCE', '-DLLHTTP_STRICT_MODE=1', '-DOPBOXD_VERSION="0"', '-Isrc',
            '-I/usr/share/include/llhttp', '-Wall', '-Wextra', '-Wno-missing-field-initializers',
            '-Wno-unused-parameter', '-Wno-unused-function'] + out.split()


def check_headers(paths):
    flags = compile_flags()

    def one(path):
        return path, run(['gcc', '-fsyntax-only', '-Werror', '-x', 'c', '-include', path, '/dev/null'] + flags)
    with ThreadPoolExecutor(2) as pool:
        for path, (code, out) in pool.map(one, paths):
            if code:
                fault('header', path, 'does not compile alone:\n' + out[:600])


def changed_files():
    code, out = run(['git', 'diff', '--name-only', 'HEAD'])
    code2, out2 = run(['git', 'ls-files', '--others', '--exclude-standard'])
    return [p for p in (out + out2).split('\n') if p.startswith('src/') and p.endswith('.c') and os.path.exists(os.path.join(TOP, p))]


def check_tools(paths):
    folder = next((d for d in ('build-gcc', 'build') if os.path.exists(os.path.join(TOP, d, 'compile_commands.json'))), None)
    if not paths:
        return
    code, out = run(['cppcheck', '--quiet', '--error-exitcode=1', '--inline-suppr', '--std=c11', '-j', '2',
                     '--enable=warning,portability', '--suppress=missingIncludeSystem', '--suppress=nullPointerRedundantCheck',
                     '--template={file}:{line}: {message} [{id}]', '--template-location=',
                     '-DLLHTTP_STRICT_MODE=1', '-DOPBOXD_VERSION="0"', '-Isrc'] + paths)
    if code:
        for line in out.strip().split('\n'):
            fault('cppcheck', line.split(':')[0], line)
    if not folder:
        return

    def tidy(path):
        return path, run(['clang-tidy', '--quiet', '-p', folder, path])
    with ThreadPoolExecutor(2) as pool:
        for path, (code, out) in pool.map(tidy, paths):
            for line in re.findall(r'^.*?(src/\S+?:\d+:\d+: (?:warning|error): .*)$', out, re.M):
                fault('clang-tidy', line.split(':')[0], line)


def main():
    path = os.path.join(TOP, 'tools/lint-exceptions.txt')
    if os.path.exists(path):
        exceptions.update(l.strip() for l in open(path, encoding='utf-8') if l.strip() and not l.startswith('#'))
    sources = files('src', '.c', '.h')
    rows = sum(check_source(p) for p in sources)
    if rows > TX_NONE_ROWS_MAX:
        fault('tx-none', 'src', f'{rows} rows run without a transaction of the gate, {TX_NONE_ROWS_MAX} are agreed')
    check_format(sources + files('tests', '.c', '.h') + files('bench', '.c', '.h'))
    check_headers([p for p in sources if p.endswith('.h')])
    check_tools([p for p in sources if p.endswith('.c')] if '--all' in sys.argv else changed_files())
    for key in sorted(exceptions - used):
        faults.append(f'tools/lint-exceptions.txt: "{key}" is not needed any more; remove it')
    for line in faults:
        print(line)
    print(f'lint: {len(sources)} files, {rows} rows without a transaction, {len(faults)} faults')
    return 1 if faults else 0


sys.exit(main())
