#!/usr/bin/python3
"""Runs $SANDBOX_PROGRAM with these arguments under the filter of system calls of the unit $SANDBOX_UNIT, without a
service manager: SystemCallFilter=, NoNewPrivileges= and MemoryDenyWriteExecute= are taken from it.

What the unit's ~groups forbid fails with EPERM, as it does there. Any other call that it does not allow ends the
process, so that a test sees it: there it would fail with EPERM as well, and something would be missing quietly.
"""
import ctypes
import errno
import os
import re
import subprocess
import sys

import seccomp

PROT_WRITE, PROT_EXEC, PR_SET_NO_NEW_PRIVS = 2, 4, 38


def groups():
    """{'@basic-io': {'read', …, '@other'}} as systemd knows them."""
    text = subprocess.run(['systemd-analyze', 'syscall-filter', '--no-pager'], check=True, capture_output=True, text=True).stdout
    known, at = {}, None
    for line in text.split('\n'):
        word = line.strip()
        if re.match(r'@[\w-]+$', line):
            at = known.setdefault(line, set())
        elif at is not None and re.match(r'@?[\w-]+$', word):
            at.add(word)
    return known


def names_of(words, known):
    out = set()
    for word in words:
        out |= names_of(known[word], known) if word.startswith('@') else {word}
    return out


def main():
    unit = open(os.environ['SANDBOX_UNIT'], encoding='utf-8').read()
    known, allowed, refused = groups(), set(), set()
    for value in re.findall(r'^SystemCallFilter=(.+)$', unit, re.M):
        if value.startswith('~'):
            refused |= names_of(value[1:].split(), known)
        else:
            allowed |= names_of(value.split(), known)
    assert allowed and refused, 'the unit has no filter'
    deny = seccomp.ERRNO(errno.EPERM)
    f = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    by_argument = {'mmap', 'mprotect', 'pkey_mprotect'} if re.search('^MemoryDenyWriteExecute=yes$', unit, re.M) else set()
    for name in sorted(allowed | refused):
        try:
            if name in refused:
                f.add_rule(deny, name)
            elif name not in by_argument:
                f.add_rule(seccomp.ALLOW, name)
        except RuntimeError:
            pass  # of another architecture, or newer than libseccomp
    if by_argument:
        both = PROT_WRITE | PROT_EXEC
        for bits in (0, PROT_WRITE, PROT_EXEC):
            f.add_rule(seccomp.ALLOW, 'mmap', seccomp.Arg(2, seccomp.MASKED_EQ, both, bits))
        f.add_rule(seccomp.ALLOW, 'mprotect', seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    assert ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    f.load()
    os.execv(os.environ['SANDBOX_PROGRAM'], [os.environ['SANDBOX_PROGRAM']] + sys.argv[1:])


main()
