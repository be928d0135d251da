"""The filter of system calls that every worker runs under, and that all it starts inherits.

A namespace without a network still has AF_VSOCK and AF_ALG; a user without capabilities can still make a user
namespace in which it has all of them, reach the keyrings, or hold memory that no limit counts. The filter
takes these away. It is a list of what is refused: what a language needs is open-ended, so a list of what is
allowed would break models at every update of a library. Calls that are newer than the list are refused too.

The filter is assembled here rather than by libseccomp: it is forty instructions and two tables, which can be
read beside each other, and a machine may lack that library. Numbers are of Linux's ``asm/unistd_64.h`` and
``asm-generic/unistd.h``; ``tests/unit/runtimes/test_seccomp.py`` compares them with the headers, runs the
program of each architecture, and tries the calls on this machine.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

NEWEST = 462
"""The last system call that the lists know; the numbers above are the same on every architecture."""

# name: (x86_64, aarch64); None where the architecture does not have it.
REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # The outside: a socket of any family. What a worker inherits are pipes.
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Keys that the kernel keeps, which other workers of this user would share.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Other processes: their memory, their descriptors.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # Namespaces, and mounts within them.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Files by handle, past the folders above them.
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # Much code in the kernel, none of it of use to a model.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "modify_ldt": (154, None),
    "fanotify_init": (300, 262),
    # The machine itself; without capabilities the kernel refuses most of these anyway.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "create_module": (174, None),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Answered with EPERM."""

ABSENT: Mapping[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435),  # its flags are behind a pointer; libc falls back to clone
    # Memory that belongs to no process, so that neither its limits nor who watches it see any.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "io_setup": (206, 0),  # also counted for the whole machine, so that one worker could use all of it up
    "vmsplice": (278, 75),
}
"""Answered with ENOSYS, at which libraries fall back to something else."""

# Refused for some arguments only: clone, socketpair, ioctl, personality, mmap.
_CLONE, _SOCKETPAIR, _IOCTL, _PERSONALITY, _MMAP = (56, 220), (53, 199), (16, 29), (135, 92), (9, 222)
NAMESPACES = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000
"""CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS."""
TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""
AF_UNIX, SOCK_STREAM, SOCK_TYPES = 1, 1, 0xF
SHARED_ANONYMOUS = 0x01 | 0x20
"""MAP_SHARED and MAP_ANONYMOUS together: memory that stays when it is no longer mapped but for one page."""
HUGE_PAGES = 0x40000
"""MAP_HUGETLB: pages that the machine keeps ready for a database or the like, which no limit counts."""

_X32 = 0x40000000
_LOAD, _AND, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND, _FOURTH = (
    0,
    4,
    16,
    24,
    40,
)  # offsets in struct seccomp_data, little-endian
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


@dataclass(frozen=True)
class Architecture:
    """``index`` is the column of the tables, ``audit`` the kernel's name of it, ``keyctl`` that call."""

    name: str
    index: int
    audit: int
    keyctl: int


ARCHITECTURES = {
    "x86_64": Architecture("x86_64", 0, 0xC000003E, 250),
    "aarch64": Architecture("aarch64", 1, 0xC00000B7, 219),
}


def architecture() -> Architecture | None:
    """This machine's, or None where no filter is known for it."""
    return ARCHITECTURES.get(platform.machine())


def program(machine: Architecture) -> bytes:
    """The filter as the kernel and ``bwrap --seccomp`` take it: an array of ``struct sock_filter``."""
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),  # the 32-bit calls of the same processor have other numbers
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine.name == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), _answer(errno.ENOSYS)]
    code += [(_GREATER, 0, 1, NEWEST), _answer(errno.ENOSYS)]
    for table, number in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            if (call := numbers[machine.index]) is not None:
                code += [(_EQUAL, 0, 1, call), _answer(number)]
    refuse, allow = _answer(errno.EPERM), (_RETURN, 0, 0, _ALLOW)
    code += _for_call(
        _CLONE[machine.index], [(_LOAD, 0, 0, _FIRST), (_ANY_BIT, 0, 1, NAMESPACES), refuse, allow]
    )
    # A pair of streams cannot be connected to anything else; a pair of datagrams can, wherever a path leads.
    pair = [(_LOAD, 0, 0, _FIRST), (_EQUAL, 1, 0, AF_UNIX), refuse]
    pair += [(_LOAD, 0, 0, _SECOND), (_AND, 0, 0, SOCK_TYPES), (_EQUAL, 1, 0, SOCK_STREAM), refuse, allow]
    code += _for_call(_SOCKETPAIR[machine.index], pair)
    typed = [(_LOAD, 0, 0, _SECOND)]
    for command in TERMINAL:
        typed += [(_EQUAL, 0, 1, command), refuse]
    code += _for_call(_IOCTL[machine.index], [*typed, allow])
    ask = [(_LOAD, 0, 0, _FIRST), (_EQUAL, 2, 0, 0), (_EQUAL, 1, 0, 0xFFFFFFFF), refuse, allow]
    code += _for_call(_PERSONALITY[machine.index], ask)
    both = [(_LOAD, 0, 0, _FOURTH), (_ANY_BIT, 0, 1, HUGE_PAGES), refuse]
    both += [(_AND, 0, 0, SHARED_ANONYMOUS), (_EQUAL, 0, 1, SHARED_ANONYMOUS)]
    code += _for_call(_MMAP[machine.index], [*both, refuse, allow])
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in [*code, allow])


def _answer(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | number)


def _for_call(number: int, instructions: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Instructions that end in an answer, reached for this call only."""
    return [(_EQUAL, 0, len(instructions), number), *instructions]


# ---------------------------------------------------------------- this process


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@functools.cache
def filter_bytes() -> bytes:
    """The filter of this machine; empty where none is known for it."""
    machine = architecture()
    return program(machine) if machine else b""


def confine_this_thread() -> bool:
    """Puts the calling thread, and all processes that it starts, under the filter for good.

    For a thread that does nothing but start workers where there is no bubblewrap to do it.

    Returns:
        Whether it is in force; False where this machine cannot.
    """
    raw = filter_bytes()
    libc = ctypes.CDLL(None, use_errno=True)
    pointer = ctypes.byref(_Program(len(raw) // 8, raw))
    # PR_SET_NO_NEW_PRIVS, which lets who is not root set a filter; PR_SET_SECCOMP, SECCOMP_MODE_FILTER.
    return bool(raw) and _prctl(libc, 38, 1) == 0 and _prctl(libc, 22, 2, pointer) == 0


def _prctl(libc: ctypes.CDLL, option: int, value: int, pointer: object = None) -> int:
    # As long as the kernel's: what is not given must be zero in all of its 64 bits.
    zero = ctypes.c_ulong(0)
    return int(libc.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero))


def own_session_keyring() -> bool:
    """Gives the calling thread a new session keyring, empty and its own, which what it starts inherits.

    Without it a worker has its starter's: it could read what lies there, and leave things for the next one.

    Returns:
        Whether it was done; False where the machine (a container's profile) does not let it.
    """
    machine = architecture()
    if machine is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    join_session_keyring, without_name = ctypes.c_long(1), ctypes.c_void_p(None)
    return int(libc.syscall(ctypes.c_long(machine.keyctl), join_session_keyring, without_name)) >= 0
