"""Amounts as a file says them: the way back from what their kinds read."""

from __future__ import annotations

import datetime as dt


def say_duration(value: dt.timedelta) -> str:
    """A duration in its largest unit up to days that is whole: ``14d``, ``90s``."""
    seconds = int(value.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if not seconds % length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def say_size(value: int) -> str:
    """A size in its largest unit that is whole."""
    power = next(p for p in (4, 3, 2, 1, 0) if not value % 1024**p)
    return f"{value // 1024**power}{' KMGT'[power].strip()}B"


def say_share(value: float) -> str:
    """A share in percent: ``20%``."""
    return f"{value * 100:.10g}%"
