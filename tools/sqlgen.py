#!/usr/bin/env python3
"""Typed bindings from <area>.sql files.

    sqlgen.py area FILE.sql OUT.h OUT.c [NUMBERS.h]   structs and functions of one file
    sqlgen.py registry OUT.h OUT.c FILE.sql…          numbers of all statements of a program, and the list of them

Numbers follow the order of the files, so that a test's program can put further files behind the product's.
The form of the .sql files is described in CONTRIBUTING.md. Errors name file and line; the exit status is
then 1 and nothing is written.
"""
import os
import re
import sys

TYPES = {
    'text': ('DB_TEXT', 'struct str'),
    'blob': ('DB_BLOB', 'struct str'),
    'int': ('DB_INT', 'int64_t'),
    'bool': ('DB_INT', 'bool'),
    'real': ('DB_REAL', 'double'),
}
OPTIONAL = {'int': 'struct db_opt_int', 'bool': 'struct db_opt_int', 'real': 'struct db_opt_real'}
KINDS = ('one', 'many', 'each', 'exec')
ENGINES = ('sqlite', 'pgsql')
LEAD = '{lead}'  # where the condition of a like statement goes
KEYS = ('name', 'kind', 'in', 'out', 'like', 'lead', 'scan', 'sorts', 'tenantless', 'doc')


class Fault(Exception):
    pass


class Field:
    def __init__(self, name, type_, nullable):
        self.name, self.type, self.nullable = name, type_, nullable

    @property
    def db_type(self):
        return TYPES[self.type][0]

    @property
    def c_type(self):
        if self.nullable and self.type in OPTIONAL:
            return OPTIONAL[self.type]
        return TYPES[self.type][1]


class Statement:
    def __init__(self, where):
        self.where = where
        self.name = self.kind = self.like = self.lead = self.scan = self.sorts = self.tenantless = None
        self.doc = ''
        self.hot = False
        self.params, self.columns = [], []
        self.bodies = {}  # engine -> text

    @property
    def shape(self):
        """Whose structs it takes and gives."""
        return self.like or self.name


def parse_fields(text, where):
    fields = []
    for item in text.split(','):
        m = re.fullmatch(r'\s*([a-z][a-z0-9_]*)\s+([a-z]+)(\?)?\s*', item)
        if not m or m.group(2) not in TYPES:
            raise Fault(f'{where}: "{item.strip()}" is not "name type" with a type of {", ".join(TYPES)}')
        if any(f.name == m.group(1) for f in fields):
            raise Fault(f'{where}: {m.group(1)} stands twice')
        fields.append(Field(m.group(1), m.group(2), bool(m.group(3))))
    return fields


def take_key(st, key, value, where):
    if key == 'in':
        st.params += parse_fields(value, where)
    elif key == 'out':
        st.columns += parse_fields(value, where)
    elif key == 'kind' and value not in KINDS:
        raise Fault(f'{where}: kind is one of {", ".join(KINDS)}')
    elif key == 'doc':
        st.doc = (st.doc + ' ' + value).strip()
    else:
        setattr(st, key, value)


def parse_file(path):
    statements, st, engines = [], None, ENGINES
    for number, line in enumerate(open(path, encoding='utf-8').read().split('\n'), 1):
        where = f'{path}:{number}'
        head = re.fullmatch(r'--\s*([a-z]+)\s*:\s*(.*?)\s*', line)
        if head and head.group(1) == 'name':
            st, engines = Statement(where), ENGINES
            if not re.fullmatch(r'[a-z][a-z0-9_]*', head.group(2)):
                raise Fault(f'{where}: a name is [a-z][a-z0-9_]*')
            st.name = head.group(2)
            statements.append(st)
        elif st is None:
            if line.strip() and not line.lstrip().startswith('--'):
                raise Fault(f'{where}: SQL before the first "-- name:"')
        elif head and head.group(1) in (*ENGINES, 'both') and not head.group(2):
            engines = ENGINES if head.group(1) == 'both' else (head.group(1),)
        elif head and head.group(1) in KEYS and not st.bodies:
            take_key(st, head.group(1), head.group(2), where)
        elif re.fullmatch(r'--\s*hot\s*', line):
            st.hot = True
        elif not line.lstrip().startswith('--') and line.strip():
            for engine in engines:
                st.bodies[engine] = st.bodies.get(engine, '') + line.rstrip() + '\n'
    for i, s in enumerate(statements):
        if s.like:
            take_shape(s, statements[:i])
    for s in statements:
        s.bodies = {engine: text.replace(LEAD, '') for engine, text in s.bodies.items()}
        check(s)
    return statements


def take_shape(st, before):
    other = next((s for s in before if s.name == st.like and not s.like), None)
    if not other:
        raise Fault(f'{st.where}: {st.name} is like {st.like}, which does not stand before it with a shape of its own')
    if st.kind or st.params or st.columns:
        raise Fault(f'{st.where}: {st.name} has kind, in and out of {st.like}')
    st.kind, st.params, st.columns = other.kind, other.params, other.columns
    if st.lead:
        if st.bodies or any(LEAD not in text for text in other.bodies.values()):
            raise Fault(f'{st.where}: lead goes where {LEAD} stands in {st.like}, and is all that {st.name} has')
        st.bodies = {engine: text.replace(LEAD, f' AND {st.lead}') for engine, text in other.bodies.items()}


def check(st):
    if st.kind not in KINDS:
        raise Fault(f'{st.where}: {st.name} has no kind')
    if set(st.bodies) != set(ENGINES):
        raise Fault(f'{st.where}: {st.name} needs a body for each of {", ".join(ENGINES)}')
    if (st.kind == 'exec') == bool(st.columns):
        raise Fault(f'{st.where}: {st.name}: exec has no "out", the other kinds have')
    for text in st.bodies.values():
        if not text.rstrip().endswith(';') or ';' in strip_quoted(text).rstrip().rstrip(';'):
            raise Fault(f'{st.where}: {st.name} must be one statement that ends in ";"')
        used = set(re.findall(r'(?<![:\w]):([a-z][a-z0-9_]*)', strip_quoted(text)))
        declared = {p.name for p in st.params}
        if used != declared:
            raise Fault(f'{st.where}: {st.name}: parameters used and declared differ: '
                        f'{", ".join(sorted(used ^ declared))}')


def strip_quoted(text):
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", text)


def number_params(text, params, mark):
    index = {p.name: i + 1 for i, p in enumerate(params)}
    out = []
    for part in re.split(r"('(?:[^']|'')*'|\"[^\"]*\")", text):
        if part[:1] not in ("'", '"'):
            part = re.sub(r'(?<![:\w]):([a-z][a-z0-9_]*)',
                          lambda m: mark + str(index[m.group(1)]), part)
        out.append(part)
    return ' '.join(''.join(out).split()).rstrip(';').rstrip()


def is_write(st):
    text = strip_quoted(next(iter(st.bodies.values()))).upper()
    first = text.split()[0]
    return first in ('INSERT', 'UPDATE', 'DELETE') or (
        first == 'WITH' and re.search(r'\b(INSERT INTO|UPDATE|DELETE FROM)\b', text) is not None)


# ---- what is written ----

def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def struct_of(name, fields):
    return f'struct {name} {{\n' + ''.join(f'    {f.c_type} {f.name};\n' for f in fields) + '};\n'


def signature(st):
    args = ['struct cx *cx']
    if st.params:
        args.append(f'const struct {st.shape}_in *in')
    args += {
        'one': [f'struct {st.shape}_row *ret_row', 'bool *ret_found'],
        'many': [f'struct {st.shape}_row **ret_rows', 'size_t *ret_count'],
        'each': [f'enum err (*row)(struct cx *cx, const struct {st.shape}_row *row, void *arg)', 'void *arg'],
        'exec': ['int64_t *ret_affected'],
    }[st.kind]
    return f'enum err {st.name}({", ".join(args)})'


def header(area, statements):
    guard = f'GENERATED_{area.upper()}_SQL_H'
    out = [f'/* Generated from {area}.sql by tools/sqlgen.py. */\n#ifndef {guard}\n#define {guard}\n',
           '#include "db/bind.h"\n']
    for st in statements:
        if st.doc:
            out.append(f'/* {st.doc} */')
        if st.params and not st.like:
            out.append(struct_of(st.name + '_in', st.params))
        if st.columns and not st.like:
            out.append(struct_of(st.name + '_row', st.columns))
        out.append(f'extern const struct db_stmt {st.name}_stmt;')
        out.append(signature(st) + ';\n')
    out.append('#endif')
    return '\n'.join(out) + '\n'


def bind_param(f):
    return f'db_bind_{f.type}{"_opt" if f.nullable else ""}(in->{f.name})'


def read_column(f, i, copy):
    if f.type in ('text', 'blob'):
        value = f'columns[{i}].type == DB_NULL ? STR_NULL : ' + (
            f'db_copy(cx, columns[{i}].s)' if copy else f'columns[{i}].s')
        return value
    if f.nullable:
        return f'db_read_{"real" if f.type == "real" else "int"}_opt(&columns[{i}])'
    if f.type == 'bool':
        return f'columns[{i}].i != 0'
    return f'columns[{i}].r' if f.type == 'real' else f'columns[{i}].i'


def byte_list(fields):
    return ', '.join(f.db_type for f in fields) or '0'


def source(folder, stem, statements, numbers):
    out = [f'/* Generated from {stem}.sql by tools/sqlgen.py. */\n#include "{folder}/{stem}_sql.h"\n\n#include "{numbers}"\n']
    for st in statements:
        flags = ' | '.join(n for n, on in (('DB_STMT_WRITE', is_write(st)), ('DB_STMT_SCAN', st.scan),
                                           ('DB_STMT_HOT', st.hot)) if on) or '0'
        reason = lambda text: c_string(text) if text else 'NULL'
        out.append(f'static const uint8_t {st.name}_params[] = {{ {byte_list(st.params)} }};')
        out.append(f'static const uint8_t {st.name}_columns[] = {{ {byte_list(st.columns)} }};')
        out.append(f'const struct db_stmt {st.name}_stmt = {{\n    .number = SQL_{st.name},\n    .flags = {flags},\n'
                   f'    .name = "{st.name}",\n'
                   f'    .sqlite = {c_string(number_params(st.bodies["sqlite"], st.params, "?"))},\n'
                   f'    .pgsql = {c_string(number_params(st.bodies["pgsql"], st.params, "$"))},\n'
                   f'    .params = {st.name}_params,\n    .columns = {st.name}_columns,\n'
                   f'    .params_count = {len(st.params)},\n    .columns_count = {len(st.columns)},\n'
                   f'    .scan_reason = {reason(st.scan)},\n    .sort_reason = {reason(st.sorts)},\n'
                   f'    .tenantless_reason = {reason(st.tenantless)},\n}};\n')
        out.append(function(st))
    return '\n'.join(out) + '\n'


def reader(st):
    copy = st.kind != 'each'
    lines = [f'static void {st.name}_read(struct cx *cx, const struct db_value *columns, struct {st.shape}_row *ret)',
             '{', '    (void)cx;']
    lines += [f'    ret->{f.name} = {read_column(f, i, copy)};' for i, f in enumerate(st.columns)]
    return '\n'.join(lines + ['}', ''])


def function(st):
    params = ''.join(f'        {bind_param(p)},\n' for p in st.params)
    values = f'    const struct db_value params[] = {{\n{params}    }};\n' if params else ''
    given = 'params' if params else 'NULL'
    run = f'db_run(cx, &{st.name}_stmt, {given}, '
    if st.kind == 'exec':
        return f'{signature(st)}\n{{\n{values}    return {run}NULL, NULL, ret_affected);\n}}\n'
    if st.kind == 'each':
        return (reader(st) +
                f'\nstruct {st.name}_each {{\n    enum err (*row)(struct cx *cx, const struct {st.shape}_row *row, void *arg);\n'
                f'    void *arg;\n}};\n\nstatic enum err {st.name}_on_row(struct cx *cx, const struct db_value *columns, void *arg)\n'
                f'{{\n    const struct {st.name}_each *each = arg;\n    struct {st.shape}_row row;\n'
                f'    {st.name}_read(cx, columns, &row);\n    return each->row(cx, &row, each->arg);\n}}\n\n'
                f'{signature(st)}\n{{\n{values}    struct {st.name}_each each = {{ row, arg }};\n'
                f'    return {run}{st.name}_on_row, &each, NULL);\n}}\n')
    on_row = (f'\nstatic enum err {st.name}_on_row(struct cx *cx, const struct db_value *columns, void *arg)\n{{\n'
              f'    struct {st.shape}_row *row = db_rows_next(cx, arg);\n    if (!row)\n'
              f'        return cx_fault(cx, "{st.name} gave more than %d rows", DB_ROWS_MAX);\n'
              f'    {st.name}_read(cx, columns, row);\n    return OK;\n}}\n\n')
    start = f'    struct db_rows rows = {{ .row_size = sizeof(struct {st.shape}_row) }};\n'
    if st.kind == 'many':
        end = f'    TRY({run}{st.name}_on_row, &rows, NULL));\n    *ret_rows = rows.rows;\n    *ret_count = rows.count;\n    return OK;\n'
    else:
        end = (f'    TRY({run}{st.name}_on_row, &rows, NULL));\n    if (rows.count > 1)\n'
               f'        return cx_fault(cx, "{st.name} gave more than one row");\n    if (rows.count)\n'
               f'        *ret_row = *(struct {st.shape}_row *)rows.rows;\n    *ret_found = rows.count == 1;\n    return OK;\n')
    return reader(st) + on_row + f'{signature(st)}\n{{\n{values}{start}{end}}}\n'


def registry(areas):
    names = [st.name for _, _, statements in areas for st in statements]
    numbers = ['/* Generated by tools/sqlgen.py: the place of each statement in db_statements[]. */',
               '#ifndef GENERATED_SQL_NUMBERS_H', '#define GENERATED_SQL_NUMBERS_H', '', 'enum {']
    numbers += [f'    SQL_{n} = {i},' for i, n in enumerate(names)] + ['    SQL_COUNT', '};', '', '#endif']
    listed = ['/* Generated by tools/sqlgen.py: all statements of one program. Weak: a test that links only some',
              ' * areas has holes in the list. */']
    listed += ['#include "db/db.h"', ''] + [f'extern const struct db_stmt {n}_stmt __attribute__((weak));' for n in names]
    listed.append('\nconst struct db_stmt *const db_statements[] = {')
    listed += [f'    &{n}_stmt,' for n in names] + ['    NULL,', '};']
    listed.append(f'const size_t db_statements_count = {len(names)};')
    return '\n'.join(numbers) + '\n', '\n'.join(listed) + '\n'


def load(path):
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    return folder, os.path.splitext(os.path.basename(path))[0], parse_file(path)


def write(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main(argv):
    if len(argv) in (4, 5) and argv[0] == 'area':
        folder, stem, statements = load(argv[1])
        out_h, out_c = header(stem, statements), source(
            folder, stem, statements, argv[4] if len(argv) == 5 else 'sql_numbers.h')
        write(argv[2], out_h)
        write(argv[3], out_c)
        return
    if len(argv) < 4 or argv[0] != 'registry':
        sys.exit(__doc__)
    areas, seen = [load(path) for path in argv[3:]], {}
    for _, _, statements in areas:
        for st in statements:
            if st.name in seen:
                raise Fault(f'{st.where}: {st.name} stands also at {seen[st.name]}')
            seen[st.name] = st.where
    numbers, listed = registry(areas)
    write(argv[1], numbers)
    write(argv[2], listed)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except Fault as fault:
        sys.exit(f'sqlgen: {fault}')
