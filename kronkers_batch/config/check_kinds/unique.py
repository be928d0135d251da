"""``unique``: the values of some columns, taken together, occur once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kronkers_batch.config.check_kinds.base import CheckKind, Entry
from kronkers_batch.config.fields import Field, list_kind
from kronkers_batch.config.kinds import COLUMN
from kronkers_batch.config.problems import Problems
from kronkers_batch.frames.schema import ColumnType

_UNIQUE = list_kind(COLUMN, single=True, empty=False)
_KEYS = (Field("unique", _UNIQUE, "Columns whose values, taken together, occur once."),)


class _Unique(CheckKind):
    def columns(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that it lists."""
        found: tuple[str, ...] = values["unique"]
        return found

    def arguments(self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems) -> dict[str, Any]:
        """None: its columns say all."""
        del entry, types, problems
        return {}


KIND = _Unique("unique", _KEYS, may_drop=True)
