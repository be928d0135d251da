"""Timing whole commands in turn; in runs of their own, the peak memory of all their processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
WATCH = 0.2  # seconds between two looks at memory


@dataclass(frozen=True)
class Timing:
    """Wall seconds, and bytes resident at the worst time, over the command and all its descendants.

    Memory that processes share (libraries) is counted once: proportional set size where the kernel gives it.
    ``peak`` is 0 where memory was not watched.
    """

    seconds: float
    peak: int


def timed(command: Sequence[str], cwd: Path, environment: Mapping[str, str], *, watch: float = 0.0) -> Timing:
    """Run a command to its end, and look at its memory every ``watch`` seconds (0: never).

    Looking stops the watched processes while the kernel walks through their pages, many times as long as they
    have gigabytes: what was watched was not timed. Raises RuntimeError with the output where it fails.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with _watched(process.pid, watch) as peak:
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}\n{output}")
    return Timing(seconds, peak[0])


@contextmanager
def _watched(pid: int, every: float) -> Iterator[list[int]]:
    """One number that grows to the peak, in bytes, while the block runs."""
    peak = [0]
    if not every:
        yield peak
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every):
            peak[0] = max(peak[0], sum(_memory(found) for found in _family(pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _family(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        try:
            for task in Path(f"/proc/{current}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue
    return found


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0


def in_turn(runs: Mapping[str, Callable[[], Timing]], rounds: int = 3) -> dict[str, list[Timing]]:
    """Run each in turn, so many rounds, so that the machine's moods meet all alike."""
    results: dict[str, list[Timing]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(run())
    return results


def median(timings: Sequence[Timing]) -> float:
    """The median of the wall seconds."""
    return statistics.median(t.seconds for t in timings)


def megabytes(timing: Timing) -> float:
    """The highest memory of a watched run, in MB."""
    return timing.peak / 1e6
