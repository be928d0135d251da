"""What a kind of check declares: its keys in YAML, its columns, and whether it may drop rows."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from kronkers_batch.config.fields import Bad, Field, given, read_value
from kronkers_batch.config.kinds import BOOLEAN, NUMBER, TEXT, parse_date
from kronkers_batch.config.nodes import Mapping as Tree
from kronkers_batch.config.nodes import Node, Scalar, shown
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument, Value
from kronkers_batch.frames.schema import ColumnType

NUMERIC = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32)
TEXTUAL = (ColumnType.STRING, ColumnType.CATEGORY)
TIMES = (ColumnType.DATE, ColumnType.TIMESTAMP)


@dataclass(frozen=True)
class Entry:
    """One entry of ``checks:`` as read: its values by key, and where it stands."""

    values: Mapping[str, object]
    node: Node
    key: str

    @property
    def column(self) -> str:
        """The column that it is about, where its kind is about one."""
        return given(self.values, "column", str)

    def at(self, name: str) -> tuple[Node, str]:
        """The node of one key, or the whole entry where it is absent; and its dotted key."""
        node = self.node.items.get(name, self.node) if isinstance(self.node, Tree) else self.node
        return node, f"{self.key}.{name}"


@dataclass(frozen=True)
class CheckKind(ABC):
    """A kind of check as it is declared; how it is judged is in ``data/check_kinds/``, under the same name.

    Args:
        name: What messages and fingerprints call it.
        keys: Its keys; an entry that has one of them is of this kind.
        of_column: It is about the one column that ``column:`` names; without it there is no such key.
        may_drop: ``on_failure: drop`` is allowed, as there are offending rows.
    """

    name: str
    keys: tuple[Field, ...]
    of_column: bool = False
    may_drop: bool = False

    @property
    def columns_at(self) -> str:
        """The key that names its columns."""
        return "column" if self.of_column else self.keys[0].name

    def demand(self, values: Mapping[str, object]) -> None:
        """Raises Bad where the entry's values check nothing."""
        del values

    def columns(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The columns that it is about."""
        return (given(values, "column", str),) if self.of_column else ()

    @abstractmethod
    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """The arguments of CheckSpec, once all its columns are there; adds what does not fit their types."""


def fits(
    entry: Entry, name: str, found: ColumnType, allowed: tuple[ColumnType, ...], problems: Problems
) -> bool:
    """Whether the column's type is an allowed one; adds a problem at the key ``name`` where it is not."""
    if found not in allowed:
        node, key = entry.at(name)
        what = f"'{name}' is not for the column '{entry.column}' of type {found}"
        problems.add(node.origin(key), what, f"allowed types: {', '.join(allowed)}")
    return found in allowed


def member(node: Node, key: str, kind: ColumnType, problems: Problems) -> Value:
    """A value of the column's type: numbers as declared, dates and timestamps (UTC) from ISO text."""
    if kind in NUMERIC:
        value = read_value(NUMBER, node, key, problems)
        whole = value is not None and isinstance(node, Scalar) and isinstance(node.value, int)
        return node.value if whole and isinstance(node, Scalar) else value
    if kind is ColumnType.BOOLEAN:
        return read_value(BOOLEAN, node, key, problems)
    if kind in TEXTUAL:
        return read_value(TEXT, node, key, problems)
    allowed = "allowed: a date such as 2013-06-01" + (
        " or a time such as 2013-06-01T05:00" if kind is ColumnType.TIMESTAMP else ""
    )
    text = node.value if isinstance(node, Scalar) else None
    try:
        if kind is ColumnType.DATE:
            return parse_date(text if isinstance(text, str) else "")
        found = dt.datetime.fromisoformat(text if isinstance(text, str) else "")
        return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
    except (Bad, ValueError, OverflowError):  # a time of the year 1 that is of the year before in UTC
        problems.add(node.origin(key), f"found {shown(node)}", allowed)
        return None
