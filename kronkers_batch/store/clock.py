"""The clock: times as integer microseconds since 1970-01-01T00:00:00Z."""

from __future__ import annotations

import datetime as dt
import time

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def now() -> int:
    """This time, in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def to_datetime(timestamp: int) -> dt.datetime:
    """The time as an aware datetime in UTC, exactly."""
    return _EPOCH + timestamp * _MICROSECOND


def from_datetime(timestamp: dt.datetime) -> int:
    """The aware datetime as a time, exactly. Raises ValueError on a datetime without a zone."""
    if timestamp.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return (timestamp - _EPOCH) // _MICROSECOND
