"""``expression``: something over the columns of a row that must be true."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config import expressions
from kronkers_batch.config.check_kind import CheckKind, Entry
from kronkers_batch.config.fields import Bad, Field, Kind, given
from kronkers_batch.config.kinds import FILLED
from kronkers_batch.config.nodes import Node
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType


def _expression(node: Node, key: str, problems: Problems) -> str:
    text = FILLED.parse(node, key, problems)
    try:
        expressions.parse(text)
    except expressions.ExpressionError as error:
        raise Bad(
            f"{error.what}, at character {error.column} of {text[:80]!r}",
            "see docs/reference/configuration.md: expressions",
        ) from None
    return text


_KEYS = (
    Field(
        "expression",
        Kind("an expression", _expression),
        "An expression over columns; null counts as failed, and a comparison with NaN is null.",
    ),
)


class _Expression(CheckKind):
    def columns(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The columns that the expression names."""
        return expressions.columns(expressions.parse(given(values, "expression", str)))

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``expression``, as it is written."""
        del types, problems
        return {"expression": given(entry.values, "expression", str)}


KIND = _Expression("expression", _KEYS, may_drop=True)
