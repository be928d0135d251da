"""Inputs of queries that this process keeps in memory: a run reads a file once, not once a window.

Only what fits is kept; what was not used longest goes first. Nothing of it ever lies on a disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.data.findings import Findings

if TYPE_CHECKING:
    import polars as pl

LIMIT = 256 * 2**20
_ENTRIES = 256


@dataclass(frozen=True)
class Found:
    """What the checks of one declared source found when it was read as an input."""

    source: str
    place: str
    findings: Findings


@dataclass(frozen=True)
class Held:
    """An input as it was in one state of its files.

    ``frames`` are its checked rows, None where only what the checks found is kept; ``found`` is of the input
    and of its own inputs; ``size`` is in bytes.
    """

    state: Hashable
    frames: tuple[pl.DataFrame, ...] | None
    found: tuple[Found, ...]
    size: int


class Memory:
    """Inputs by their definition, at most ``limit`` bytes in all. Threads may share it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.size = 0
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, definition: str, state: Hashable) -> Held | None:
        """The input, if it is held in just this state; one in another state is forgotten."""
        with self._lock:
            held = self._held.get(definition)
            if held is None:
                return None
            if held.state != state:
                self._forget(definition)
                return None
            self._held.move_to_end(definition)
            return held

    def put(self, definition: str, held: Held) -> None:
        """Keeps an input, unless it is larger than everything that may be kept."""
        with self._lock:
            if definition in self._held:
                self._forget(definition)
            if held.size > self.limit:
                return
            self._make_room(held.size)
            self._held[definition] = held
            self.size += held.size

    def make_room(self, size: int) -> None:
        """Forgets what was not used longest, for ``size`` bytes that are being read."""
        with self._lock:
            self._make_room(size)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._held.clear()
            self.size = 0

    def _make_room(self, size: int) -> None:
        while self._held and (self.size + size > self.limit or len(self._held) >= _ENTRIES):
            self._forget(next(iter(self._held)))

    def _forget(self, definition: str) -> None:
        self.size -= self._held.pop(definition).size


process = Memory()
"""The one of this process."""
