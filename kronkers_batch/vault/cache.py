"""Unwrapped keys in memory, for a while: what was revoked or shredded elsewhere is noticed after that."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SECONDS = 300.0
ENTRIES = 4096


class KeyCache(Generic[K, V]):
    """At most ``entries`` values, each for at most ``seconds``; the least used goes first. Thread-safe."""

    def __init__(self, seconds: float = SECONDS, entries: int = ENTRIES) -> None:
        self._seconds, self._entries = seconds, entries
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, unless it is too old."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            if time.monotonic() - found[0] > self._seconds:
                del self._values[key]
                return None
            self._values.move_to_end(key)
            return found[1]

    def put(self, key: K, value: V) -> None:
        """Keeps the value from now on."""
        with self._lock:
            self._values[key] = (time.monotonic(), value)
            self._values.move_to_end(key)
            while len(self._values) > self._entries:
                self._values.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forgets one value."""
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._values.clear()
