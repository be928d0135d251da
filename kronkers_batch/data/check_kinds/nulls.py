"""Rows in which a column is null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl


class _Nulls(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where there is a value."""
        import polars as pl

        column = pl.col(check.columns[0])
        if schema[check.columns[0]].type not in (ColumnType.FLOAT, ColumnType.FLOAT32):
            return column.is_not_null()
        # Whoever writes floats has no other way than NaN to say that one is missing.
        return (column.is_not_null() & column.is_not_nan()).fill_null(False)


JUDGE = _Nulls()
