"""``unique``: the values of some columns, taken together, occur once."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import CheckKind, Entry
from kronkers_batch.config.fields import Field, given, list_kind
from kronkers_batch.config.kinds import COLUMN, SOME_COLUMNS
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_UNIQUE = list_kind(COLUMN, SOME_COLUMNS, single=True, empty=False)
_KEYS = (Field("unique", _UNIQUE, "Columns whose values, taken together, occur once."),)


class _Unique(CheckKind):
    def columns(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The columns that it lists."""
        return given(values, "unique", tuple)

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """None: its columns say all."""
        del entry, types, problems
        return {}


KIND = _Unique("unique", _KEYS, may_drop=True)
