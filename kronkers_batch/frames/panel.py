"""Several time series in one frame, and what is declared of them; see the task ``forecast``.

A *step* is the time from one row of a series to the next. An *origin* is the time of the first forecast step:
what is before it is known, and is the series' *history*.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from kronkers_batch.digests import Json
from kronkers_batch.frames.schema import Column, ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

ORIGIN = "origin"
"""The output column that says from when a forecast is."""
_NONE = dt.timedelta(0)


@dataclass(frozen=True)
class Panel:
    """What a model file says of its series.

    Attributes:
        series: The columns that tell which series a row belongs to.
        time: The column of its time.
        target: The column that is forecast.
        step: The time between two rows of a series.
        season: After how long the series repeat themselves; zero for never.
        horizon: How far ahead is forecast: a multiple of ``step``.
        future: Columns that are known for the whole horizon.
        past: Columns that are known up to the origin only.
        static: Columns with one value a series.
        gaps: What a step without a row is: ``zero``, ``missing`` or ``error``.
        ended: A series without a row for so long before the origin has ended; zero for the horizon.
        under: A series whose first row is less than this before the origin is new, and left out.
        history: How much before the origin the model gets; zero for as much as a training reads.
        least: No target and no forecast is below this.
        point: The level of the quantile that counts as the forecast itself; None without quantiles.
        origins: How many origins of the holdout are measured, ...
        every: ... and the time between two of them.
    """

    series: tuple[str, ...] = ()
    time: str = ""
    target: str = ""
    step: dt.timedelta = _NONE
    season: dt.timedelta = _NONE
    horizon: dt.timedelta = _NONE
    future: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    gaps: str = ""
    ended: dt.timedelta = _NONE
    under: dt.timedelta = _NONE
    history: dt.timedelta = _NONE
    least: float | None = None
    point: float | None = None
    origins: int = 0
    every: dt.timedelta = _NONE

    @property
    def steps(self) -> int:
        """How many steps the horizon has."""
        return self.horizon // self.step

    @property
    def lag(self) -> int:
        """How many steps back the seasonal naive forecast looks: one where there is no season."""
        return max(1, self.season // self.step)

    @property
    def silent(self) -> dt.timedelta:
        """Without a row for so long before the origin, a series has ended."""
        return self.ended or self.horizon

    @property
    def held_out(self) -> dt.timedelta:
        """From the first origin of the holdout to the end of the last one's horizon."""
        return self.horizon + (self.origins - 1) * self.every

    @property
    def key(self) -> tuple[str, ...]:
        """What tells each forecast of each night from all others."""
        return (*self.series, ORIGIN, self.time)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a source must have, in the order in which a model's code gets them."""
        return (*self.series, self.time, *self.future, *self.static, *self.past, self.target)

    @property
    def ahead(self) -> tuple[str, ...]:
        """The columns of the steps that are forecast: without what is known up to the origin only."""
        return (*self.series, self.time, *self.future, *self.static)

    def ahead_of(self, features: Schema) -> Schema:
        """The columns of the steps that are forecast, of those that a model sees."""
        return features.select(self.ahead)

    def history_of(self, features: Schema) -> Schema:
        """The columns of a history: what a model sees, and the target last, whose values are floats."""
        return Schema((*features, Column(self.target, ColumnType.FLOAT)))

    def to_json(self) -> dict[str, Json]:
        """What is said, as JSON values; durations in seconds."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: _plain(value) for name, value in said.items() if value is not None}
        return {name: value for name, value in plain.items() if value or name in ("least", "point")}

    @classmethod
    def of(cls, said: Mapping[str, object]) -> Panel:
        """The inverse of :meth:`to_json`. What this program does not know is a TypeError."""
        usual = cls()
        values: dict[str, object] = {}
        for name, value in said.items():
            if isinstance(value, list):
                values[name] = tuple(value)
            elif isinstance(getattr(usual, name, None), dt.timedelta) and isinstance(value, int | float):
                values[name] = dt.timedelta(seconds=value)
            else:
                values[name] = value
        return replace(usual, **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Horizon:
    """What is asked of a forecast model at once: some series from one origin on.

    Attributes:
        history: Their rows before the origin, complete, by series and time: all columns, the target last.
        future: A row for each series and step of the horizon: the columns of :attr:`Panel.ahead`.
    """

    history: pl.DataFrame
    future: pl.DataFrame

    @property
    def height(self) -> int:
        """How many forecasts are asked for."""
        return self.future.height


def _plain(value: object) -> Json:
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]
