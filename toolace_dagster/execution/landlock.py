"""Landlock: which files a process and its children may read and write, without root.

A kernel feature since Linux 5.13. It also keeps a process from looking into others
(their memory, environment), and since 6.12 from sending them signals. It does not cover changes
of mode, owner and times; ``seccomp`` refuses those.

Belongs here: the system calls. Does not belong here: what is allowed to whom
(``confinement``). Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_ABI_VERSION = 1
_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READING = _EXECUTE | _READ_FILE | _READ_DIR
_TCP = 3
_SCOPES = 3
"""Abstract Unix sockets and signals."""


def abi() -> int:
    """Version of the kernel's Landlock; 0 when there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ABI_VERSION)))


def restrict(readable: Iterable[str], writable: Iterable[str], *, network: bool) -> int:
    """Confine this process and all it starts, for good; several calls narrow each other.

    Args:
        readable: Files and folders that may be read; missing ones are passed over.
        writable: Files and folders that may be read and written.
        network: Whether TCP stays open (from version 4 on; before, nothing is done about it).

    Returns:
        The version in force; 0 when the kernel has none, and then nothing was done.

    Raises:
        OSError: If the kernel has Landlock and refuses.
    """
    version = abi()
    if not version:
        return 0
    rights = (1 << 13) - 1
    rights |= _REFER if version >= 2 else 0
    rights |= _TRUNCATE if version >= 3 else 0
    rights |= _IOCTL if version >= 5 else 0
    attributes = struct.pack("QQQ", rights, _TCP if version >= 4 and not network else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _call(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow(ruleset, path, _READING & rights)
        for path in writable:
            # Moving files in and out would need the right to link on both sides.
            _allow(ruleset, path, rights & ~_IOCTL)
        no_new_privileges()
        _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version


def no_new_privileges() -> None:
    """Give up gaining rights by starting programs; needed for both Landlock and seccomp without root."""
    if _libc().prctl(_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), "no_new_privs refused")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, opened)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.c_char_p(rule), ctypes.c_uint32(0))
    finally:
        os.close(opened)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = _libc().syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"landlock system call {number} failed")
    return result
