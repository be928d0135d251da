"""Dates and times as people write them."""

from __future__ import annotations

import datetime as dt

from kronkers_batch.errors import UsageError


def parse_date(text: str, option: str = "--date") -> dt.date:
    """An ISO date. Raises UsageError, which calls it ``option``."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a date", fix="write it as 2013-06-01") from None


def parse_timestamp(text: str, option: str = "--at", *, end_of_day: bool = True) -> int:
    """An ISO date or time (UTC unless it says otherwise) in microseconds; a date means its end, or start."""
    try:
        timestamp = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a time", fix="write it as 2013-06-01T02:00") from None
    if end_of_day and len(text) == len("2013-06-01"):
        timestamp += dt.timedelta(days=1) - dt.timedelta(microseconds=1)
    timestamp = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=dt.UTC)
    return (timestamp - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
