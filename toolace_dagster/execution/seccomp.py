"""seccomp: which system calls a process and its children may make, without root.

Refused are new processes and programs, sockets, signals to others, looking into
others, and all that manages a machine; changes of a file's mode, owner and times
do nothing and say that they worked, since libraries make them in passing.

Belongs here: the filter. Does not belong here: who gets it (``confinement``).
Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

from toolace_dagster.execution.landlock import no_new_privileges

_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4
_CLONE_THREAD = 0x10000
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CALLS: dict[str, tuple[int | None, int | None]] = {
    # name: number on x86_64, number on aarch64
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "finit_module": (313, 273),
    "fork": (57, None),
    "fsetxattr": (190, 7),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lchown": (94, None),
    "lsetxattr": (189, 6),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpgid": (109, 154),
    "setpriority": (141, 140),
    "setrlimit": (160, 164),
    "setsid": (112, 157),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "shmget": (29, 194),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vfork": (58, None),
    "clock_settime": (227, 112),
}
_PROCESSES = ("fork", "vfork", "execve", "execveat")
_SILENT = (
    "chmod chown fchmod fchmodat fchmodat2 fchown fchownat fsetxattr futimesat lchown lsetxattr removexattr setxattr "
    "utime utimensat utimes"
).split()
_CHECKED = ("clone", "clone3", "kill", "tgkill", "prlimit64", "socket")
_REFUSED = [name for name in _CALLS if name not in (*_PROCESSES, *_SILENT, *_CHECKED)]
_NEEDED_BY_WORKER = ("setpgid", "setrlimit", "setsid")
"""What setting up a session takes; the session's own filter refuses it."""


def is_available() -> bool:
    """Whether this machine's system calls are known and the kernel takes filters."""
    if not sys.platform.startswith("linux") or platform.machine() not in _ARCHITECTURES:
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(21, 0, 0, 0, 0) >= 0


def restrict(*, network: bool, processes: bool) -> bool:
    """Confine this process and all it starts, for good.

    Args:
        network: Whether sockets may be opened.
        processes: Whether processes and programs may be started, and signalled.

    Returns:
        Whether the filter is in force.
    """
    if not is_available():
        return False
    _install(b"".join(_program(platform.machine(), os.getpid(), network=network, processes=processes)))
    return True


def restrict_worker(*, network: bool) -> bool:
    """Confine the process that imports tools' code and forks sessions: what ``restrict`` adds comes in the session.

    Args:
        network: Whether sockets may be opened. Landlock alone would leave UDP and Unix sockets to an import.

    Returns:
        Whether the filter is in force.
    """
    if not is_available():
        return False
    _install(b"".join(_worker_program(platform.machine(), network=network)))
    return True


def _install(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    described = Program(len(program) // 8, ctypes.addressof(buffer))
    no_new_privileges()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(described), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses the seccomp filter")


def _numbers(machine: str, names: Iterable[str]) -> list[int]:
    column = 0 if machine == "x86_64" else 1
    return [number for name in names if (number := _CALLS[name][column]) is not None]


def _head(machine: str, refused: Iterable[str]) -> Iterable[bytes]:
    """Load the number of the system call, and refuse some whatever their arguments."""
    yield _op(_LOAD, _ARCHITECTURE)
    yield _op(_JUMP_EQUAL, _ARCHITECTURES[machine], 1, 0)
    yield _op(_RETURN, _KILL)
    yield _op(_LOAD, _NUMBER)
    if machine == "x86_64":
        yield from _when_at_least(_X32, errno.ENOSYS)
    for number in _numbers(machine, refused):
        yield from _when(number, [_op(_RETURN, _ERRNO | errno.EPERM)])


def _worker_program(machine: str, *, network: bool) -> Iterable[bytes]:
    refused = [name for name in _REFUSED if name not in _NEEDED_BY_WORKER]
    yield from _head(machine, refused if network else [*refused, "socket"])
    yield _op(_RETURN, _ALLOW)


def _program(machine: str, pid: int, *, network: bool, processes: bool) -> Iterable[bytes]:
    def numbers(names: Iterable[str]) -> list[int]:
        return _numbers(machine, names)

    def number_of(name: str) -> int:
        (number,) = numbers([name])
        return number

    yield from _head(machine, _REFUSED)
    for number in numbers(_SILENT):
        yield from _when(number, [_op(_RETURN, _ERRNO)])
    if not network:
        yield from _when(number_of("socket"), [_op(_RETURN, _ERRNO | errno.EPERM)])
    # A limit may be read (no new value) but not changed: root could raise it.
    yield from _when(number_of("prlimit64"), [*_unless(2, 0, errno.EPERM), _op(_RETURN, _ALLOW)])
    if not processes:
        for number in numbers(_PROCESSES):
            yield from _when(number, [_op(_RETURN, _ERRNO | errno.EPERM)])
        # Threads are made by clone as well; clone3 hides its flags, and the C library then falls back to clone.
        yield from _when(number_of("clone3"), [_op(_RETURN, _ERRNO | errno.ENOSYS)])
        threads = [
            _op(_LOAD, 16),
            _op(_JUMP_BITS, _CLONE_THREAD, 0, 1),
            _op(_RETURN, _ALLOW),
            _op(_RETURN, _ERRNO | errno.EPERM),
        ]
        yield from _when(number_of("clone"), threads)
        for number in numbers(["kill", "tgkill"]):
            yield from _when(number, [*_unless(0, pid, errno.EPERM), _op(_RETURN, _ALLOW)])
    yield _op(_RETURN, _ALLOW)


def _op(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, when_true, when_false, value)


def _when(number: int, then: list[bytes]) -> list[bytes]:
    """Operations for one system call; they all end in a return, so its number stays loaded for the next."""
    return [_op(_JUMP_EQUAL, number, 0, len(then)), *then]


def _when_at_least(number: int, error: int) -> list[bytes]:
    return [_op(_JUMP_AT_LEAST, number, 0, 1), _op(_RETURN, _ERRNO | error)]


def _unless(argument: int, value: int, error: int) -> list[bytes]:
    """Refuse unless an argument has a value; both halves of it count."""
    refuse = _op(_RETURN, _ERRNO | error)
    low = [_op(_LOAD, 16 + 8 * argument), _op(_JUMP_EQUAL, value & 0xFFFFFFFF, 1, 0), refuse]
    if value:
        # A process id: the kernel reads its lower half only.
        return low
    return [*low, _op(_LOAD, 20 + 8 * argument), _op(_JUMP_EQUAL, 0, 1, 0), refuse]
