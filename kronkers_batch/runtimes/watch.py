"""The memory of all of a worker's processes together, looked at a few times a second.

The limit of address space holds for each process by itself; this one holds for their sum, with the files in
the worker's scratch and shared memory. Other memory that belongs to no process cannot be had:
:mod:`~kronkers_batch.runtimes.seccomp` refuses it.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from kronkers_batch.runtimes.bubblewrap import SCRATCH

SECONDS = 0.2
"""Between two looks. What is taken in that time can pass the limit."""
SHARE = 0.02
"""Of a processor's time that looking may cost."""
IN_MEMORY = (SCRATCH, "/dev/shm")  # noqa: S108 - inside the sandbox

NAME = 2048
"""Bytes of the kernel's memory for a file in memory, however empty: its inode, its name and attributes."""

SWAPS = Path("/proc/swaps")

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Looks at a worker's processes until it is stopped, or they take too much once.

    Args:
        family: The processes.
        limit: Bytes.
        sandboxed: Whether they have a scratch and shared memory of their own.
        too_much: Called once when they take more, from another thread.
    """

    def __init__(self, family: Family, limit: int, sandboxed: bool, too_much: Callable[[], None]) -> None:
        self._family, self._limit, self._sandboxed, self._too_much = family, limit, sandboxed, too_much
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="worker-memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """When this returns, nothing more is called."""
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _look(self) -> None:
        pause = SECONDS
        while not self._ended.wait(pause):
            started = time.thread_time()
            if self._family.takes_more(self._limit, self._sandboxed):
                self._too_much()
                return
            pause = max(SECONDS, (time.thread_time() - started) / SHARE)


class Family:
    """A process and its descendants, also those whose parent has ended.

    Args:
        pid: The process.
        before: Those that were there before it was started, so that they are none of its descendants.
    """

    def __init__(self, pid: int, before: Set[int] = frozenset()) -> None:
        self._members = {pid}
        self._others = {0, *before} - self._members

    def members(self) -> list[int]:
        """Their numbers. Only processes that are new since the last time are looked at."""
        now = processes()
        self._members &= now
        self._others &= now | {0}
        parents = {pid: _parent(pid) for pid in now - self._members - self._others}
        for pid in parents:
            line = [pid]
            while (parent := parents.get(line[-1])) is not None and len(line) <= len(parents):
                line.append(parent)
            # Where one between them ended just now it is none of both: the next look finds its new parent.
            for known in (self._members, self._others):
                if line[-1] in known:
                    known.update(line)
        return sorted(self._members)

    def takes_more(self, limit: int, sandboxed: bool) -> bool:
        """Whether they take more than so many bytes together."""
        members = self.members()
        files = _files(members) if sandboxed else 0
        taken = _resident_or_swapped if _swaps() else _resident
        # Cheap, and never less than what they take; what several of them share is in it several times.
        if sum(taken(pid) for pid in members) + files <= limit:
            return False
        return sum(_own(pid) for pid in members) + files > limit


def processes() -> set[int]:
    """The numbers of all processes that this one can see."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - only names


def _parent(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None  # it has ended
    return int(text.rpartition(")")[2].split()[1])  # its name, in parentheses, may be anything


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _swaps() -> bool:
    """Whether this machine has swap, to which a process can move its own pages (MADV_PAGEOUT)."""
    return len(SWAPS.read_text().splitlines()) > 1 if SWAPS.exists() else False


def _resident_or_swapped(pid: int) -> int:
    try:
        return resident_or_swapped(Path(f"/proc/{pid}/status").read_text(errors="replace"))
    except OSError:
        return 0


def resident_or_swapped(status: str) -> int:
    """Bytes that a process has in memory or in swap, by its ``/proc/PID/status``; 0 where it has ended."""
    return 1024 * sum(map(int, re.findall(r"^(?:VmRSS|VmSwap):\s*(\d+) kB$", status, re.MULTILINE)))


def _own(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:
        return 0
    except OSError:
        return _resident_or_swapped(pid)  # it does not let itself be looked at: then all counts
    return own(lines)


def own(rollup: Sequence[str]) -> int:
    """Bytes of its own and its share of what it shares, in memory or in swap, without files only mapped.

    ``rollup`` are the lines of its ``/proc/PID/smaps_rollup``.
    """
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in rollup[1:])}
    there = sizes["Pss_Anon"] + sizes["Pss_Shmem"] if "Pss_Anon" in sizes else sizes.get("Pss", 0)
    return 1024 * (there + sizes.get("SwapPss", 0))


def _files(members: list[int]) -> int:
    """Bytes of the files in their sandbox's memory, with what the kernel holds for each of them."""
    for pid in reversed(members):  # the first are bubblewrap's, outside
        try:
            places = [(Path(f"/proc/{pid}/root{place}"), Path(place)) for place in IN_MEMORY]
            if all(inside.stat().st_dev != outside.stat().st_dev for inside, outside in places):
                found = [os.statvfs(inside) for inside, _ in places]
                return sum(
                    (f.f_blocks - f.f_bfree) * f.f_frsize + (f.f_files - f.f_ffree) * NAME for f in found
                )
        except OSError:
            continue  # it has ended
    return 0
