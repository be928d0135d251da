"""Which rows of a source are meant: a half-open interval of its time column, in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from kronkers_batch.errors import SourceError

EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Window:
    """Rows with ``start <= time < end``; None is open, and both None is the whole source."""

    start: dt.datetime | None
    end: dt.datetime | None

    def __post_init__(self) -> None:
        for timestamp in (self.start, self.end):
            if timestamp is not None and timestamp.utcoffset() != dt.timedelta(0):
                raise ValueError("a window's times are in UTC")

    @property
    def whole(self) -> bool:
        """Whether every row is meant."""
        return self.start is None and self.end is None

    def to_json(self) -> dict[str, str | None]:
        """A JSON value from which :meth:`from_json` makes an equal window."""
        return {
            "start": self.start.isoformat() if self.start else None,
            "end": self.end.isoformat() if self.end else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, str | None]) -> Window:
        """The inverse of :meth:`to_json`."""
        start, end = (dt.datetime.fromisoformat(v) if v else None for v in (value["start"], value["end"]))
        return cls(start, end)

    def parameters(self, where: str) -> Parameters:
        """What ``:date``, ``:from`` and ``:to`` are in a query over this window."""
        return Parameters(self.start or EARLIEST, self.end or LATEST, self.end, where)

    def __str__(self) -> str:
        if self.whole:
            return "everything"
        start = _text(self.start) if self.start else "the beginning"
        return f"{start} to {_text(self.end) if self.end else 'now'}"


@dataclass(frozen=True)
class Parameters:
    """The values of a query's parameters.

    ``start`` and ``end`` are ``:from`` and ``:to``; an open end is the first or last time of the calendar.
    """

    start: dt.datetime
    end: dt.datetime
    _last: dt.datetime | None
    _where: str

    @property
    def date(self) -> dt.date:
        """``:date``: the last day that the window touches. Raises SourceError where it has no end."""
        if self._last is None:
            raise SourceError(
                "the query uses :date, but the source is read without a window",
                where=self._where,
                fix="Write `time_column: COLUMN` for the source, or remove :date from the query.",
            )
        return (self._last - dt.timedelta(microseconds=1)).date()


def _text(timestamp: dt.datetime) -> str:
    midnight = timestamp.time() == dt.time()
    return timestamp.date().isoformat() if midnight else timestamp.strftime("%Y-%m-%d %H:%M:%S")
