"""Timing whole commands in turn: wall time, and the peak memory of all their processes together."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Timing:
    """Wall seconds, and bytes resident at the worst moment, over the command and all its descendants.

    Memory that processes share (libraries) is counted once: proportional set size where the kernel gives it.
    """

    seconds: float
    peak: int


def timed(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Timing:
    """Run a command to its end. Raises RuntimeError with its output where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], sum(_memory(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}\n{output}")
    return Timing(seconds, peak[0])


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


def peak(timings: Sequence[Timing]) -> float:
    """The highest memory, in MB."""
    return max(t.peak for t in timings) / 1e6
