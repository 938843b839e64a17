#!/usr/bin/env python3
"""Makes the C table of the console's files (src/http/console.h).

    embed.py DIST TABLE.c DEPFILE

DIST is web/dist: its list `files.json` says name, type and whether the bytes are compressed. The bytes come in
by the assembler's .incbin, so that a build with new files takes no longer than with none.
"""
import json
import os
import sys


def symbol(i):
    return f'console_file_{i}'


def main():
    dist, table, depfile = sys.argv[1:]
    dist = os.path.abspath(dist)
    with open(os.path.join(dist, 'files.json'), encoding='utf-8') as f:
        listed = json.load(f)
    listed.sort(key=lambda e: e['name'].encode())
    out = ['/* Made by tools/embed.py. */', '#include "http/console.h"', '']
    for i, entry in enumerate(listed):
        path = os.path.join(dist, entry['path'])
        out.append(f'__asm__(".section .rodata\\n.balign 16\\n.global {symbol(i)}\\n.hidden {symbol(i)}\\n'
                   f'{symbol(i)}:\\n.incbin \\"{path}\\"\\n.byte 0\\n.text\\n");')
        out.append(f'extern const unsigned char {symbol(i)}[];')
    out.append('const struct console_file console_files[] = {')
    for i, entry in enumerate(listed):
        size = os.path.getsize(os.path.join(dist, entry['path']))
        out.append(f'    {{ "{entry["name"]}", "{entry["type"]}", {symbol(i)}, {size}, '
                   f'{"true" if entry["gzip"] else "false"} }},')
    out += ['};', f'const size_t console_files_count = {len(listed)};', '']
    with open(table, 'w', encoding='utf-8') as f:
        f.write('\n'.join(out))
    with open(depfile, 'w', encoding='utf-8') as f:
        paths = [os.path.join(dist, 'files.json')] + [os.path.join(dist, e['path']) for e in listed]
        f.write(f'{table}: ' + ' '.join(p.replace(' ', '\\ ') for p in paths) + '\n')


main()
