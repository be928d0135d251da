"""Rows in which an expression over columns is not true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.errors import ConfigError
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl


class _Expression(RowJudge):
    def passes(self, check: CheckSpec, schema: Schema) -> pl.Expr:
        """Where it is true: null counts as failed."""
        from kronkers_batch.config.expressions import ExpressionError
        from kronkers_batch.data.expression_compiler import compile_expression

        try:
            compiled = compile_expression(str(check.arguments["expression"]), schema)
        except (ExpressionError, ValueError) as error:
            raise ConfigError(
                str(error),
                where=str(check.origin),
                fix="Correct the expression: docs/reference/configuration.md says what one may contain.",
            ) from None
        return compiled.fill_null(False)


JUDGE = _Expression()
