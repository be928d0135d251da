"""The clock: moments as integer microseconds since 1970-01-01T00:00:00Z."""

from __future__ import annotations

import datetime as dt
import time

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def now() -> int:
    """This moment, in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def to_datetime(moment: int) -> dt.datetime:
    """The moment as an aware datetime in UTC, exactly."""
    return _EPOCH + moment * _MICROSECOND


def from_datetime(moment: dt.datetime) -> int:
    """The aware datetime as a moment, exactly. Raises ValueError on a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return (moment - _EPOCH) // _MICROSECOND
