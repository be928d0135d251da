"""What keeps the memory of a process that holds keys from other processes of its user, and off the disk."""

from __future__ import annotations

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def make_undumpable() -> None:
    """No core of this process is written, and no other process of its user may look into it.

    Called before a key is read. Processes that it forks inherit it; a program that it starts, a worker for
    one, is as any other again. Root can still look.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where the machine hands cores to a program it does so whatever the limit, but not of what is undumpable.
    zero = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, zero, zero, zero, zero)
