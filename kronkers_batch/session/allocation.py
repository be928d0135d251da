"""How this process keeps the memory of one chunk for the next."""

from __future__ import annotations

import ctypes

# glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_MIB = 2**20


def keep_pages() -> None:
    """Let glibc reuse the pages of a chunk that is done with, instead of giving them back and asking anew.

    Otherwise each buffer beyond 128 KiB is mapped, filled with zeros by the kernel, and unmapped again:
    a third of the kernel's time in a run of millions of rows. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 * _MIB)
        mallopt(_TRIM_THRESHOLD, 256 * _MIB)
        mallopt(_ARENA_MAX, 2)
