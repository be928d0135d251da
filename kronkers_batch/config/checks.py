"""The declared checks of sources and models: from the list in YAML to CheckSpec."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any

from kronkers_batch.config import expressions
from kronkers_batch.config.fields import Bad, Field, Kind, Table, list_kind, read_table, read_value
from kronkers_batch.config.kinds import (
    BOOLEAN,
    COLUMN,
    DURATION,
    FILLED,
    NUMBER,
    PLAIN,
    SHARE,
    TEXT,
    choice,
    integer,
    parse_date,
)
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import CheckKind, CheckSpec, OnFailure
from kronkers_batch.frames.schema import ColumnType

NUMERIC = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32)
TEXTUAL = (ColumnType.STRING, ColumnType.CATEGORY)
MOMENTS = (ColumnType.DATE, ColumnType.TIMESTAMP)

_ROWS = Table(
    "rows",
    (
        Field("min", integer(0), "At least so many rows."),
        Field("max", integer(0), "At most so many rows."),
    ),
)


def _rows(node: Node, key: str, problems: Problems) -> dict[str, Any]:
    return {k: v for k, v in read_table(_ROWS, node, key, problems).items() if v is not None}


def _expression(node: Node, key: str, problems: Problems) -> str:
    text: str = FILLED.parse(node, key, problems)
    try:
        expressions.parse(text)
    except expressions.ExpressionError as error:
        raise Bad(
            f"{error.what}, at character {error.column} of {text[:80]!r}", "see the grammar of expressions"
        ) from None
    return text


def _pattern(node: Node, key: str, problems: Problems) -> str:
    text: str = FILLED.parse(node, key, problems)
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Bad(
            f"not a regular expression: {error}", "allowed: a regular expression over the whole text"
        ) from None
    if re.search(r"\(\?(<?[=!]|P=|\()|\\[1-9]", text):
        raise Bad(
            "found a look-around or back-reference", "leave it out; patterns are matched in linear time"
        )
    return text


_UNIQUE = list_kind(COLUMN, single=True, empty=False)
CHECK = Table(
    "check",
    (
        Field("column", COLUMN, "The column that min, max, in, pattern, nulls or freshness is about."),
        Field(
            "min", PLAIN, "Smallest allowed value (a number, or a date for dates and timestamps); nulls pass."
        ),
        Field("max", PLAIN, "Largest allowed value; nulls pass."),
        Field("in", list_kind(PLAIN, empty=False), "The allowed values; nulls pass."),
        Field(
            "pattern",
            Kind("a regular expression", _pattern),
            "A regular expression over the whole text; nulls pass.",
        ),
        Field("nulls", BOOLEAN, "`false`: no nulls are allowed."),
        Field(
            "expression",
            Kind("an expression", _expression),
            "An expression over columns; null counts as failed, and a comparison with NaN is null.",
        ),
        Field("unique", _UNIQUE, "Columns whose values, taken together, occur once."),
        Field("rows", Kind("a mapping of min and max", _rows, table=_ROWS), "How many rows there may be."),
        Field(
            "freshness", DURATION, "How old the newest value of the time column may be at the window's end."
        ),
        Field("on_failure", choice(OnFailure), "What a failure does.", default=OnFailure.FAIL, shown="fail"),
        Field("up_to", SHARE, "With `on_failure: drop`: the share of rows that may be dropped.", shown="0%"),
    ),
)
_WHAT = {
    "min": CheckKind.RANGE,
    "max": CheckKind.RANGE,
    "in": CheckKind.SET,
    "pattern": CheckKind.PATTERN,
    "nulls": CheckKind.NULLS,
    "expression": CheckKind.EXPRESSION,
    "unique": CheckKind.UNIQUE,
    "rows": CheckKind.ROWS,
    "freshness": CheckKind.FRESHNESS,
}
_WITH_COLUMN = (CheckKind.RANGE, CheckKind.SET, CheckKind.PATTERN, CheckKind.NULLS, CheckKind.FRESHNESS)
_NO_DROP = (CheckKind.ROWS, CheckKind.FRESHNESS)  # about all rows together: there is no offending row


@dataclass(frozen=True)
class RawCheck:
    """A check as read, before its columns and types are known."""

    kind: CheckKind
    values: MappingType[str, Any]
    node: Node
    key: str


def _check(node: Node, key: str, problems: Problems) -> RawCheck | None:
    before = len(problems)
    values = read_table(CHECK, node, key, problems)
    if len(problems) > before:
        return None
    kinds = list(dict.fromkeys(kind for name, kind in _WHAT.items() if values[name] is not None))
    if len(kinds) != 1:
        found = "checks nothing" if not kinds else f"checks several things: {', '.join(kinds)}"
        raise Bad(f"this entry {found}", f"write one entry for each; one of {', '.join(_WHAT)}")
    kind = kinds[0]
    if (kind in _WITH_COLUMN) != (values["column"] is not None):
        given = values["column"] is not None
        raise Bad(f"the check '{kind}' {'takes no' if given else 'needs a'} column", "see the list of checks")
    if kind is CheckKind.NULLS and values["nulls"]:
        raise Bad(
            "found nulls: true, which checks nothing",
            "nulls are allowed anyway; write nulls: false or delete it",
        )
    if kind is CheckKind.ROWS and not values["rows"]:
        raise Bad("found rows without min and max", "write rows: {min: 1}")
    if values["on_failure"] is OnFailure.DROP and kind in _NO_DROP:
        raise Bad(f"the check '{kind}' cannot drop rows", "allowed: fail, warn")
    if values["up_to"] is not None and values["on_failure"] is not OnFailure.DROP:
        raise Bad("up_to is only for on_failure: drop", "add on_failure: drop, or delete up_to")
    return RawCheck(kind, values, node, key)


CHECKS = list_kind(Kind("a check", _check, table=CHECK))


def resolve(
    raw: tuple[RawCheck, ...], types: MappingType[str, ColumnType], problems: Problems
) -> tuple[CheckSpec, ...]:
    """The checks against the columns that there are; what does not fit is noted."""
    found = []
    for check in raw:
        before = len(problems)
        spec = _resolve(check, types, problems)
        if len(problems) == before:
            found.append(spec)
    return tuple(found)


def _resolve(check: RawCheck, types: MappingType[str, ColumnType], problems: Problems) -> CheckSpec:
    values = check.values
    names: tuple[str, ...] = ()
    if check.kind in _WITH_COLUMN:
        names = (values["column"],)
    elif check.kind is CheckKind.UNIQUE:
        names = values["unique"]
    elif check.kind is CheckKind.EXPRESSION:
        names = expressions.columns(expressions.parse(values["expression"]))
    at = _child(
        check, {CheckKind.UNIQUE: "unique", CheckKind.EXPRESSION: "expression"}.get(check.kind, "column")
    )
    for name in names:
        if name not in types:
            problems.add(at[0].origin(at[1]), f"there is no column '{name}' here", suggest(name, types))
    arguments: dict[str, Any] = {}
    if all(n in types for n in names):
        arguments = _arguments(check, types, problems)
    share = values["up_to"] if values["up_to"] is not None else 0.0
    return CheckSpec(check.kind, names, arguments, values["on_failure"], share, check.node.origin(check.key))


def _child(check: RawCheck, name: str) -> tuple[Node, str]:
    node = check.node.items.get(name, check.node) if isinstance(check.node, Mapping) else check.node
    return node, f"{check.key}.{name}"


def _arguments(check: RawCheck, types: MappingType[str, ColumnType], problems: Problems) -> dict[str, Any]:
    values = check.values
    match check.kind:
        case CheckKind.RANGE:
            return _range(check, types[values["column"]], problems)
        case CheckKind.SET:
            node, key = _child(check, "in")
            items = node.items if isinstance(node, Sequence) else []
            kind = types[values["column"]]
            return {"values": tuple(_member(n, f"{key}.{i}", kind, problems) for i, n in enumerate(items))}
        case CheckKind.PATTERN:
            _demand(check, "pattern", types[values["column"]], TEXTUAL, problems)
            return {"pattern": values["pattern"]}
        case CheckKind.FRESHNESS:
            _demand(check, "freshness", types[values["column"]], MOMENTS, problems)
            return {"age": values["freshness"]}
        case CheckKind.NULLS:
            return {"allowed": False}
        case CheckKind.EXPRESSION:
            return {"expression": values["expression"]}
        case CheckKind.ROWS:
            return {"min": values["rows"].get("min"), "max": values["rows"].get("max")}
    return {}


def _demand(
    check: RawCheck, name: str, found: ColumnType, allowed: tuple[ColumnType, ...], problems: Problems
) -> None:
    if found not in allowed:
        node, key = _child(check, name)
        what = f"'{name}' is not for the column '{check.values['column']}' of type {found}"
        problems.add(node.origin(key), what, f"allowed types: {', '.join(allowed)}")


def _range(check: RawCheck, kind: ColumnType, problems: Problems) -> dict[str, Any]:
    _demand(check, "min" if check.values["min"] is not None else "max", kind, (*NUMERIC, *MOMENTS), problems)
    found: dict[str, Any] = {}
    for name in ("min", "max"):
        node, key = _child(check, name)
        given = check.values[name] is not None and kind in (*NUMERIC, *MOMENTS)
        found[name] = _member(node, key, kind, problems) if given else None
    if found["min"] is not None and found["max"] is not None and found["min"] > found["max"]:
        problems.add(check.node.origin(check.key), "min is larger than max", "exchange them")
    return found


def _member(node: Node, key: str, kind: ColumnType, problems: Problems) -> Any:
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
        " or a moment such as 2013-06-01T05:00" if kind is ColumnType.TIMESTAMP else ""
    )
    text = node.value if isinstance(node, Scalar) else None
    try:
        if kind is ColumnType.DATE:
            return parse_date(text if isinstance(text, str) else "")
        moment = dt.datetime.fromisoformat(text if isinstance(text, str) else "")
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (Bad, ValueError, OverflowError):  # a moment of the year 1 that is of the year before in UTC
        problems.add(node.origin(key), f"found {shown(node)}", allowed)
        return None
