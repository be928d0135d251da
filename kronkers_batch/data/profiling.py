"""Making a profile of a table.

It goes through the data once, in memory that does not grow with the rows. Count, nulls, min, max,
mean and standard deviation are exact; quantiles come from a uniform sample of 16,384 rows (a quantile's rank
is off by less than 0.8 % with 95 % confidence), drawn with a fixed seed, so that the same rows give the same
profile. Of text that is no category only counts are kept: names and free text are no statistics.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from kronkers_batch.data.profile import ColumnProfile, Profile
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, ColumnType, Schema

MAX_LEVELS = 10_000
SAMPLE_ROWS = 16_384
QUANTILES = tuple(round(i / 100, 2) for i in range(101))
_NUMBERS = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32, ColumnType.BOOLEAN)
_FLOATS = (ColumnType.FLOAT, ColumnType.FLOAT32)
_TIMESTAMPS = (ColumnType.DATE, ColumnType.TIMESTAMP)


class Profiler:
    """Makes a profile from a stream of frames.

    Args:
        schema: The frames' columns.
        where: What is profiled, for messages.
    """

    def __init__(self, schema: Schema, where: str, *, seed: int = 1) -> None:
        self._schema = schema
        self._where = where
        self._rows = 0
        self._sample = _Sample([c.name for c in schema if c.type in _NUMBERS], seed)
        self._states = {c.name: _State() for c in schema}
        self._categories = [c for c in schema if c.type is ColumnType.CATEGORY]

    def feed(self, frame: pl.DataFrame) -> None:
        """Takes the next rows. Raises SourceError when a category has more than 10,000 levels."""
        if not frame.height:
            return
        self._rows += frame.height
        found = frame.select(e for c in self._schema for e in _aggregates(c)).row(0, named=True)
        for column in self._schema:
            values = {k: found.get(f"{column.name}\0{k}") for k in _State.KEYS}
            if column.type in _FLOATS and not _finite(values):
                values = _careful(frame.get_column(column.name)) | {"nulls": values["nulls"]}
            self._states[column.name].merge(frame.height, values)
        for column in self._categories:
            self._count(column, frame)
        self._sample.feed(frame)

    def finish(self) -> Profile:
        """The profile of all rows so far."""
        quantiles = self._sample.quantiles()
        columns = {c.name: self._column(c, quantiles.get(c.name, ())) for c in self._schema}
        return Profile(self._rows, columns)

    def _column(self, column: Column, sampled: tuple[float, ...]) -> ColumnProfile:
        state = self._states[column.name]
        counted = ColumnProfile(column.name, column.type, self._rows, state.nulls)
        if column.type is ColumnType.CATEGORY:
            return replace(counted, levels=dict(sorted(state.levels.items())))
        if column.type in _TIMESTAMPS and state.low is not None:
            return replace(counted, first=_iso(state.low), last=_iso(state.high))
        if column.type not in _NUMBERS or not state.count:
            return replace(counted, odd=state.odd)
        low, high = float(state.low), float(state.high)
        if sampled:
            # The sample need not have drawn the extremes, which are known exactly.
            sampled = (low, *sampled[1:-1], high)
        std = math.sqrt(max(state.squares, 0.0) / state.count)
        # Of values near a float's end the sums and squares lie beyond it.
        sampled = sampled if all(map(math.isfinite, sampled)) else ()
        return replace(
            counted,
            odd=state.odd,
            min=low,
            max=high,
            mean=state.mean if math.isfinite(state.mean) else None,
            std=std if math.isfinite(std) else None,
            quantiles=sampled,
        )

    def _count(self, column: Column, frame: pl.DataFrame) -> None:
        levels = self._states[column.name].levels
        counted = frame.get_column(column.name).drop_nulls().value_counts(name="kronkers count")
        if counted.height + len(levels) > MAX_LEVELS:
            known = len(set(levels).union(counted.get_column(column.name).to_list()))
            if known > MAX_LEVELS:
                raise SourceError(
                    f"column {column.name} is declared category, but has more than {MAX_LEVELS} levels",
                    where=self._where,
                    fix=f"Declare {column.name} as string, or group its rare levels in a query.",
                )
        for level, count in counted.iter_rows():
            levels[level] = levels.get(level, 0) + count


class _State:
    """The exact statistics of one column so far; merged chunk by chunk (Chan's formula)."""

    KEYS = ("nulls", "odd", "count", "low", "high", "mean", "variance")

    def __init__(self) -> None:
        self.nulls = self.odd = self.count = 0
        self.low: Any = None
        self.high: Any = None
        self.mean = self.squares = 0.0
        self.levels: dict[str, int] = {}

    def merge(self, rows: int, values: Mapping[str, Any]) -> None:
        self.nulls += values["nulls"]
        self.odd += values["odd"] or 0
        if values["low"] is None:
            return
        self.low = values["low"] if self.low is None else min(self.low, values["low"])
        self.high = values["high"] if self.high is None else max(self.high, values["high"])
        if values["mean"] is None:
            return
        count = rows - values["nulls"] - (values["odd"] or 0)
        total = self.count + count
        delta = values["mean"] - self.mean
        self.squares += values["variance"] * count + delta * delta * self.count * count / total
        self.mean += delta * count / total
        self.count = total


def _aggregates(column: Column) -> list[pl.Expr]:
    values = pl.col(column.name)
    found = {"nulls": values.null_count()}
    if column.type in (*_NUMBERS, *_TIMESTAMPS):
        found |= {"low": values.min(), "high": values.max()}
    if column.type in _NUMBERS:
        number = values.cast(pl.Float64)
        found |= {"mean": number.mean(), "variance": number.var(ddof=0)}
    return [e.alias(f"{column.name}\0{k}") for k, e in found.items()]


def _finite(values: Mapping[str, Any]) -> bool:
    # A NaN or infinity anywhere shows in the mean, the variance or the extremes.
    return all(values[k] is None or math.isfinite(values[k]) for k in ("low", "high", "mean", "variance"))


def _careful(values: pl.Series) -> dict[str, Any]:
    """The statistics of the finite values only."""
    present = values.drop_nulls()
    finite = present.filter(present.is_finite()).cast(pl.Float64)
    return {
        "odd": len(present) - len(finite),
        "low": finite.min(),
        "high": finite.max(),
        "mean": finite.mean(),
        "variance": finite.var(ddof=0),
    }


class _Sample:
    """A uniform sample of rows: each row draws a number, and the rows with the smallest numbers stay.

    Numbers are drawn row by row from one seeded stream, so the cut into chunks does not matter.
    """

    def __init__(self, columns: list[str], seed: int) -> None:
        self._columns = columns
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._drawn = np.empty(0)
        self._rows: pl.DataFrame | None = None

    def feed(self, frame: pl.DataFrame) -> None:
        if not self._columns:
            return
        drawn = self._random.random(frame.height)
        limit = self._drawn.max() if len(self._drawn) == SAMPLE_ROWS else 1.0
        chosen = np.flatnonzero(drawn < limit)
        taken = frame.select(self._columns)[chosen]
        rows = taken if self._rows is None else pl.concat([self._rows, taken])
        drawn = np.concatenate([self._drawn, drawn[chosen]])
        if len(drawn) > SAMPLE_ROWS:
            stay = np.argpartition(drawn, SAMPLE_ROWS)[:SAMPLE_ROWS]
            rows, drawn = rows[stay], drawn[stay]
        self._rows, self._drawn = rows, drawn

    def quantiles(self) -> dict[str, tuple[float, ...]]:
        if self._rows is None:
            return {}
        found = {}
        for name in self._columns:
            values = self._rows.get_column(name).cast(pl.Float64).drop_nulls()
            numbers = values.filter(values.is_finite()).to_numpy()
            if len(numbers):
                with np.errstate(over="ignore", invalid="ignore"):
                    found[name] = tuple(float(q) for q in np.quantile(numbers, QUANTILES))
        return found


def _iso(value: dt.date | dt.datetime) -> str:
    return value.isoformat()
