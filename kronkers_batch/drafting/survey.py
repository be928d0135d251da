"""What the columns of rows hold: few different values or many, gaps, and on which days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from kronkers_batch.frames.schema import Column, ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

MOST = 50
"""Different values that are counted; of a column with more it is known only that there are more."""
Value: TypeAlias = str | int | float | bool | dt.date | dt.datetime
TIMES = (ColumnType.DATE, ColumnType.TIMESTAMP)


@dataclass
class Seen:
    """What one column holds.

    Attributes:
        values: Its known values and how often each occurs; incomplete where ``many``.
        many: Whether it has more than :data:`MOST` different values.
        nulls: Rows without a value.
        infinite: Whether it has an infinite number.
        least: Its least number, where it has any.
        days: Of a date or a timestamp: rows a day.
    """

    column: Column
    values: Counter[Value] = field(default_factory=Counter)
    many: bool = False
    nulls: int = 0
    infinite: bool = False
    least: float | None = None
    days: Counter[dt.date] = field(default_factory=Counter)

    @property
    def varies(self) -> bool:
        """Whether it has two different values at least."""
        return self.many or len(self.values) > 1

    def feed(self, series: pl.Series) -> None:
        """Looks at some more rows."""
        import polars as pl

        known = series.drop_nulls()
        self.nulls += series.null_count()
        if series.dtype.is_float():
            self.infinite = self.infinite or bool(known.is_infinite().any())
            self.nulls += int(known.is_nan().sum())
            known = known.filter(~known.is_nan())
        if known.is_empty():
            return
        if series.dtype.is_numeric():
            least = float(known.cast(pl.Float64).min())  # type: ignore[arg-type]
            self.least = least if self.least is None else min(least, self.least)
        if self.column.type in TIMES:
            self.days.update(_by_day(known))
        if not self.many:
            self.values.update(dict(known.value_counts().iter_rows()))
            self.many = len(self.values) > MOST


@dataclass
class Survey:
    """What all columns hold.

    Attributes:
        columns: By name.
        rows: How many.
        labelled: By the name of each date or timestamp: rows a day whose target is known.
        first: By the same: the first day of each value of the target.
    """

    columns: dict[str, Seen]
    rows: int = 0
    labelled: dict[str, Counter[dt.date]] = field(default_factory=dict)
    first: dict[str, dict[Value, dt.date]] = field(default_factory=dict)


def survey(frames: Iterable[pl.DataFrame], schema: Schema, target: str) -> Survey:
    """Reads all frames once, and keeps no row."""
    found = Survey({column.name: Seen(column) for column in schema})
    times = [column.name for column in schema if column.type in TIMES]
    found.labelled = {name: Counter() for name in times}
    found.first = {name: {} for name in times}
    for frame in frames:
        found.rows += frame.height
        for name, seen in found.columns.items():
            seen.feed(frame[name])
        known = frame.filter(frame[target].is_not_null())
        for name in times:
            found.labelled[name].update(_by_day(known[name].drop_nulls()))
            if not found.columns[target].many:
                _keep_first(found.first[name], known, name, target)
    return found


def _by_day(times: pl.Series) -> Mapping[dt.date, int]:
    import polars as pl

    return dict(times.cast(pl.Date).value_counts().iter_rows())


def _keep_first(first: dict[Value, dt.date], frame: pl.DataFrame, time: str, target: str) -> None:
    import polars as pl

    days = frame.select(pl.col(target).alias("value"), pl.col(time).cast(pl.Date).alias("day")).drop_nulls()
    for value, day in days.group_by("value").agg(pl.col("day").min()).iter_rows():
        first[value] = min(day, first.get(value, day))
