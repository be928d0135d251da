"""Rows in which a column has none of the allowed values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge, argument
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl


class _In(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where the value is an allowed one, or null."""
        import polars as pl

        del schema
        return pl.col(check.columns[0]).is_in(list(argument(check, "values", tuple))).fill_null(True)


JUDGE = _In()
