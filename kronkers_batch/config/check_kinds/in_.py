"""``in``: the values of a column are some of a list."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import CheckKind, Entry, member
from kronkers_batch.config.fields import Field, list_kind
from kronkers_batch.config.kinds import PLAIN
from kronkers_batch.config.nodes import Sequence
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_KEYS = (
    Field("in", list_kind(PLAIN, "a list of plain values", empty=False), "The allowed values; nulls pass."),
)


class _In(CheckKind):
    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``values``, of the column's type."""
        node, key = entry.at("in")
        items = node.items if isinstance(node, Sequence) else []
        kind = types[entry.column]
        return {"values": tuple(member(n, f"{key}.{i}", kind, problems) for i, n in enumerate(items))}


KIND = _In("in", _KEYS, of_column=True, may_drop=True)
