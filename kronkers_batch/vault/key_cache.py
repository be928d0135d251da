"""Unwrapped keys in memory, for a while: what was revoked or shredded elsewhere is noticed after that.

What was opened with them is kept in the same way.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SECONDS = 300.0
ENTRIES = 4096


class KeyCache(Generic[K, V]):
    """At most ``entries`` values, each for at most ``seconds``; the least used goes first. Thread-safe.

    Args:
        seconds: How long.
        entries: How many; or how much, where they are weighed.
        weigh: What a value counts for; None is one each.
    """

    def __init__(
        self, seconds: float = SECONDS, entries: int = ENTRIES, weigh: Callable[[V], int] | None = None
    ) -> None:
        self._seconds, self._entries, self._weigh = seconds, entries, weigh
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, unless it is too old."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            if time.monotonic() - found[0] > self._seconds:
                self._drop(key)
                return None
            self._values.move_to_end(key)
            return found[1]

    def put(self, key: K, value: V) -> None:
        """Keeps the value from now on."""
        with self._lock:
            self._drop(key)
            self._values[key] = (time.monotonic(), value)
            self._weight += self._of(value)
            while self._weight > self._entries:
                self._drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Forgets one value."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._values.clear()
            self._weight = 0

    def _of(self, value: V) -> int:
        return 1 if self._weigh is None else self._weigh(value)

    def _drop(self, key: K) -> None:
        if (gone := self._values.pop(key, None)) is not None:
            self._weight -= self._of(gone[1])
