"""A limit on how long a query may take, whatever runs it: a thread stops it when the time is over."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable

_AGAIN = 0.2  # seconds between two attempts to stop: between two statements there is nothing to stop


class TimeIsUp(Exception):
    """Something was stopped because it took too long; who knows the key of its limit says so in words."""


class TimeLimit:
    """Stops what runs inside its ``with`` block once it has taken longer than ``limit``.

    Args:
        limit: How long it may take.
        stop: Interrupts it, from another thread; is called until the block ends.
    """

    def __init__(self, limit: dt.timedelta, stop: Callable[[], object]) -> None:
        self._limit, self._stop = limit, stop
        self._over = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kronkers-time-limit", daemon=True)

    @property
    def over(self) -> bool:
        """Whether the time was over before the block ended."""
        return self._over

    def __enter__(self) -> TimeLimit:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        wait = min(self._limit.total_seconds(), threading.TIMEOUT_MAX)
        while not self._done.wait(wait):
            self._over = True
            # Whatever keeps it from being stopped now (it is being closed) is gone or over the next time.
            with contextlib.suppress(Exception):
                self._stop()
            wait = _AGAIN


def shown(limit: dt.timedelta) -> str:
    """A length of time as it is written in YAML."""
    seconds = limit.total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and not seconds % length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"
