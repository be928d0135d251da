"""Rows in which a date or a time is later than that of another column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl


class _NotAfter(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where the first column is not later than the second one, or one of them is null."""
        import polars as pl

        del schema
        first, second = check.columns
        return (pl.col(first) <= pl.col(second)).fill_null(True)


JUDGE = _NotAfter()
