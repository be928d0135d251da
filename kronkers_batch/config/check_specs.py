"""The declared checks of sources and models: from the list in YAML to CheckSpec."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

from kronkers_batch.config.check_kind import CheckKind, Entry
from kronkers_batch.config.check_kinds import CHECK_KINDS
from kronkers_batch.config.fields import Bad, Field, Kind, Table, given, list_kind, read_table
from kronkers_batch.config.kinds import COLUMN, SHARE, choice
from kronkers_batch.config.nodes import Node
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import CheckSpec, OnFailure
from kronkers_batch.frames.schema import ColumnType


def _keys() -> tuple[Field, ...]:
    """The keys that say what an entry checks. Raises ValueError where two kinds have the same."""
    found = [field for kind in CHECK_KINDS.values() for field in kind.keys]
    names = {"column", "on_failure", "up_to", *(field.name for field in found)}
    if len(names) != len(found) + 3:
        raise ValueError("two kinds of check have a key of the same name, or one that every check has")
    return tuple(found)


def _column() -> Field:
    *keys, last = (field.name for kind in CHECK_KINDS.values() if kind.of_column for field in kind.keys)
    return Field("column", COLUMN, f"The column that {', '.join(keys)} or {last} is about.")


CHECK = Table(
    "check",
    (
        _column(),
        *_keys(),
        Field(
            "on_failure",
            choice(OnFailure),
            "What happens if the check fails; see [checks](checks.md).",
            default=OnFailure.FAIL,
            shown="fail",
        ),
        Field("up_to", SHARE, "With `on_failure: drop`: the share of rows that may be dropped.", shown="0%"),
    ),
)


@dataclass(frozen=True)
class RawCheck:
    """A check as read, before its columns and types are known."""

    kind: CheckKind
    entry: Entry


def _check(node: Node, key: str, problems: Problems) -> RawCheck | None:
    before = len(problems)
    values = read_table(CHECK, node, key, problems)
    if len(problems) > before:
        return None
    kinds = [
        kind for kind in CHECK_KINDS.values() if any(values[field.name] is not None for field in kind.keys)
    ]
    if len(kinds) != 1:
        several = ", ".join(kind.name for kind in kinds)
        found = "checks nothing" if not kinds else f"checks several things: {several}"
        raise Bad(
            f"this entry {found}",
            f"write one entry for each; one of {', '.join(field.name for field in _keys())}",
        )
    kind = kinds[0]
    if kind.of_column != (values["column"] is not None):
        given = values["column"] is not None
        raise Bad(
            f"the check '{kind.name}' {'takes no' if given else 'needs a'} column",
            "see docs/reference/checks.md",
        )
    kind.demand(values)
    if values["on_failure"] is OnFailure.DROP and not kind.may_drop:
        raise Bad(f"the check '{kind.name}' cannot drop rows", "allowed: fail, warn")
    if values["up_to"] is not None and values["on_failure"] is not OnFailure.DROP:
        raise Bad("up_to is only for on_failure: drop", "add on_failure: drop, or delete up_to")
    return RawCheck(kind, Entry(values, node, key))


CHECKS = list_kind(Kind("a check", _check, table=CHECK), "a list of checks")


def resolve(
    raw: tuple[RawCheck, ...], types: MappingType[str, ColumnType], problems: Problems
) -> tuple[CheckSpec, ...]:
    """The checks against the columns that there are; what does not fit is reported."""
    found = []
    for check in raw:
        before = len(problems)
        spec = _resolve(check.kind, check.entry, types, problems)
        if len(problems) == before:
            found.append(spec)
    return tuple(found)


def _resolve(
    kind: CheckKind, entry: Entry, types: MappingType[str, ColumnType], problems: Problems
) -> CheckSpec:
    values = entry.values
    names = kind.columns(values)
    node, key = entry.at(kind.columns_at)
    for name in names:
        if name not in types:
            problems.add(node.origin(key), f"there is no column '{name}' to check", suggest(name, types))
    arguments = kind.arguments(entry, types, problems) if all(n in types for n in names) else {}
    action = given(values, "on_failure", OnFailure)
    share = given(values, "up_to", float) if values["up_to"] is not None else 0.0
    return CheckSpec(kind.name, names, arguments, action, share, entry.node.origin(entry.key))
