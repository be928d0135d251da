"""Rows in which a text does not match a regular expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl


class _Pattern(RowJudge):
    misfit = "use no look-around and no back-reference"

    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where all of the text matches, or is null."""
        import polars as pl

        del schema
        text = pl.col(check.columns[0]).str
        return text.contains(rf"\A(?:{check.arguments['pattern']})\z").fill_null(True)


JUDGE = _Pattern()
