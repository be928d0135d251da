"""Rows with an odd number."""

from __future__ import annotations

import polars as pl

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.frames.schema import Schema


class _Even(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        return (pl.col(check.columns[0]) % 2 == 0).fill_null(True)


JUDGE = _Even()
