"""``rows``: how many rows there are."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import CheckKind, Entry
from kronkers_batch.config.fields import Bad, Field, Kind, Table, given, read_table
from kronkers_batch.config.kinds import integer
from kronkers_batch.config.nodes import Node
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_ROWS = Table(
    "rows",
    (
        Field("min", integer(0), "The least number of rows."),
        Field("max", integer(0), "The greatest number of rows."),
    ),
)


def _rows(node: Node, key: str, problems: Problems) -> dict[str, Argument]:
    return {k: v for k, v in read_table(_ROWS, node, key, problems).items() if v is not None}


_KEYS = (Field("rows", Kind("a mapping of min and max", _rows, table=_ROWS), "How many rows there may be."),)


class _Rows(CheckKind):
    def demand(self, values: Mapping[str, object]) -> None:
        """Raises Bad without any limit."""
        if not values["rows"]:
            raise Bad("found rows without min and max", "write rows: {min: 1}")

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``min`` and ``max``; None is open."""
        del types, problems
        limits = given(entry.values, "rows", dict)
        return {"min": limits.get("min"), "max": limits.get("max")}


KIND = _Rows("rows", _KEYS)
