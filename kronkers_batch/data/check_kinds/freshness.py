"""A newest row that is too old at the end of the window."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import Counted, Counter, TableJudge, Tally, argument

if TYPE_CHECKING:
    import polars as pl


class _Newest:
    """The newest value of a column; nothing else of the rows is kept."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._newest: dt.datetime | dt.date | None = None

    def feed(self, frame: pl.DataFrame) -> None:
        here = frame.get_column(self._column).max()
        if isinstance(here, dt.date) and (self._newest is None or here > self._newest):
            self._newest = here

    def finish(self) -> Tally:
        return self._newest

    def close(self) -> None:
        self._newest = None


class _Freshness(TableJudge):
    def counter(self, check: CheckSpec) -> Counter:
        """Keeps the newest value."""
        return _Newest(check.columns[0])

    def failed(self, check: CheckSpec, tally: Tally, total: int, end: dt.datetime) -> int:
        """1 where there is no value, or the newest is too old."""
        del total
        if not isinstance(tally, dt.date):
            return 1
        newest = tally if isinstance(tally, dt.datetime) else dt.datetime.combine(tally, dt.time(), dt.UTC)
        return int(newest < end - argument(check, "age", dt.timedelta))

    def counts(self, result: Counted) -> str:
        """How many rows there are."""
        return f" ({result.total} rows)"

    def said(self, result: Counted) -> str:
        """That there are no rows, or only old ones."""
        return f"{result.name}: " + ("the newest row is too old" if result.total else "there are no rows")


JUDGE = _Freshness()
