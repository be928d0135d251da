"""Entity keys that a person or program asks for, as a frame in the key columns' types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kronkers_batch.errors import UsageError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema

if TYPE_CHECKING:
    import polars as pl

Key = Mapping[str, object] | Sequence[object] | Any
"""One row's key: values by key column (also of some columns only), all values in the key's order, or the one
value of a key of one column."""

_EXAMPLES = {
    ColumnType.FLOAT: "1.5",
    ColumnType.FLOAT32: "1.5",
    ColumnType.INTEGER: "17",
    ColumnType.INT32: "17",
    ColumnType.BOOLEAN: "true",
    ColumnType.DATE: "2013-06-01",
    ColumnType.TIMESTAMP: "2013-06-01T12:00:00Z",
}
_INT_BITS = {ColumnType.INTEGER: 63, ColumnType.INT32: 31}
_TRUTH = {"true": True, "false": False}


def by_column(model: str, columns: Sequence[str], keys: Sequence[Key]) -> list[Mapping[str, object]]:
    """Keys as values by column.

    Args:
        model: Its name, for messages.
        columns: The key's columns in their order.
        keys: As people give them.

    Raises UsageError where a key has more or fewer values than there are columns.
    """
    named: list[Mapping[str, object]] = []
    for key in keys:
        values = key if isinstance(key, Sequence) and not isinstance(key, str) else [key]
        if not isinstance(key, Mapping) and len(values) != len(columns):
            raise UsageError(
                f"a key of {model} has {len(columns)} value(s), not {len(values)}",
                fix=f"Give one value each for: {', '.join(columns)}",
            )
        named.append(key if isinstance(key, Mapping) else dict(zip(columns, values, strict=True)))
    return named


def key_frame(schema: Schema, key: Sequence[str], wanted: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """The wanted keys, one a row, without repetitions.

    Args:
        schema: The output's schema.
        key: Its key columns.
        wanted: Values by key column, as Python values or as text; all must name the same columns.

    Raises UsageError on a column that is no key, on a value that is none of its type, and on no keys at all.
    """
    import polars as pl

    if not wanted:
        raise UsageError(
            "no key was given", fix=f"Give values of the key columns: {', '.join(key) or 'none'}"
        )
    names = tuple(name for name in key if name in wanted[0])
    for row in wanted:
        if not names or set(row) != set(names):
            raise UsageError(
                "all keys must give values for the same key columns",
                fix=f"The key columns are: {', '.join(key) or 'none'}",
            )
    part = schema.select(names)
    values = {column.name: [_value(column, row[column.name]) for row in wanted] for column in part}
    frame = pl.DataFrame(values, schema=polars_schema(part))
    return frame if frame.height == 1 else frame.unique(maintain_order=True)


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _parsed(column.type, value.strip()) if isinstance(value, str) else _checked(column.type, value)
    except (ValueError, KeyError, OverflowError):
        example = _EXAMPLES.get(column.type, "text")
        raise UsageError(
            f"the value given for this key is not of type {column.type}",
            where=f"key {column.name}",
            fix=f"Write it like {example}.",
        ) from None


def _parsed(kind: ColumnType, text: str) -> Any:
    if kind in (ColumnType.STRING, ColumnType.CATEGORY):
        return text
    if kind in _INT_BITS:
        return _checked(kind, int(text))
    if kind in (ColumnType.FLOAT, ColumnType.FLOAT32):
        return float(text)
    if kind is ColumnType.BOOLEAN:
        return _TRUTH[text.lower()]
    if kind is ColumnType.DATE:
        return dt.date.fromisoformat(text)
    return _checked(kind, dt.datetime.fromisoformat(text))


def _checked(kind: ColumnType, value: Any) -> Any:
    if kind is ColumnType.TIMESTAMP and isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    if kind is ColumnType.DATE and isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if kind is ColumnType.BOOLEAN and isinstance(value, bool):
        return value
    if isinstance(value, bool):
        raise ValueError
    if (
        kind in _INT_BITS
        and isinstance(value, int)
        and -(2 ** _INT_BITS[kind]) <= value < 2 ** _INT_BITS[kind]
    ):
        return value
    if kind in (ColumnType.FLOAT, ColumnType.FLOAT32) and isinstance(value, int | float):
        return float(value)
    raise ValueError
