"""Rows in which a column lies outside of an interval."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl


class _Range(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where the value lies in the interval, both ends included, or is null."""
        import polars as pl

        column = pl.col(check.columns[0])
        inside = pl.lit(True)
        if (least := _limit(check, "min")) is not None:
            inside &= column >= least
        if (most := _limit(check, "max")) is not None:
            inside &= column <= most
        if schema[check.columns[0]].type in (ColumnType.FLOAT, ColumnType.FLOAT32):
            # Polars takes NaN for the largest number; it is in no range.
            inside &= column.is_not_nan()
        return inside.fill_null(True)


def _limit(check: CheckSpec, name: str) -> int | float | dt.date | None:
    value = check.arguments.get(name)
    if value is not None and not isinstance(value, int | float | dt.date):
        raise TypeError(name)
    return value


JUDGE = _Range()
