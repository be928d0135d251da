"""Python objects of a database's driver as typed columns; numbers of several kinds may stand in one."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.session import VALUE, Found, too_long
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.parsing import EXACT
from kronkers_batch.frames.schema import Column, ColumnType

_UTC = pl.Datetime("us", "UTC")
_NUMBERS = frozenset({int, float, Decimal})
_FLOATS = (ColumnType.FLOAT, ColumnType.FLOAT32)
_INTEGERS = (ColumnType.INTEGER, ColumnType.INT32)
_KINDS: dict[type, pl.DataType | type[pl.DataType]] = {
    bool: pl.Boolean,
    int: pl.Int64,
    float: pl.Float64,
    str: pl.String,
    bytes: pl.Binary,
    dt.date: pl.Date,
    dt.datetime: _UTC,
}


def typed(values: Sequence[object], column: Column, found: Found, place: Place) -> pl.Series:
    """The objects of one column in its declared type. Raises SourceError."""
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) > 1 and not kinds <= _NUMBERS:
        raise wrong_type(column, " and ".join(sorted(kind.__name__ for kind in kinds)), place)
    # Numbers of each kind by themselves: as one kind, large whole numbers would be rounded.
    result = casting.cast(pl.Series(column.name, values, dtype=pl.Null), column, place) if not kinds else None
    for kind in kinds:
        some = values if len(kinds) == 1 else [v if type(v) is kind else None for v in values]
        part = casting.cast(_short(_raw(kind, some, column, found, place), place), column, place)
        result = part if result is None else result.zip_with(result.is_not_null(), part)
    assert result is not None  # noqa: S101 - there are no kinds, or one and more
    return result


def wrong_type(column: Column, found: str, place: Place) -> SourceError:
    """The error about a column that is of another type than declared."""
    return place.error(
        f"column {column.name} is declared {column.type}, but is {found}", "Cast it in the source's query."
    )


def _raw(kind: type, values: Sequence[Any], column: Column, found: Found, place: Place) -> pl.Series:
    """Objects of one class as they are."""
    if kind is Decimal:
        return _decimals(values, column, found, place)
    if kind not in _KINDS:
        raise wrong_type(column, kind.__name__, place)
    if kind is dt.datetime:
        values = [None if v is None else _utc(v) for v in values]
    try:
        return pl.Series(column.name, values, dtype=_KINDS[kind], strict=True)
    except (TypeError, OverflowError, UnicodeError, ValueError, pl.exceptions.PolarsError):
        raise place.error(
            f"column {column.name} is declared {column.type}, but holds values that do not fit any column",
            "Cast it in the source's query.",
        ) from None


def _decimals(values: Sequence[Decimal | None], column: Column, found: Found, place: Place) -> pl.Series:
    """Whole ones as integers where those are declared, or the database says that all are; else floats."""
    if column.type not in (*_FLOATS, *_INTEGERS):
        raise wrong_type(column, "a decimal number", place)
    made: list[int | float | None]
    if column.type in _INTEGERS or (found.whole and all(v is None or v.is_finite() for v in values)):
        made = [_whole(v) for v in values]
    else:
        made = [_float(v) for v in values]
    if lost := sum(new is None and old is not None for new, old in zip(made, values, strict=True)):
        raise place.error(
            f"column {column.name} is declared as {column.type}, but {lost} of {len(values)} rows read "
            "(decimal numbers) hold values that do not fit it exactly",
            f"Declare another type for {column.name}, or correct the source.",
        )
    return pl.Series(column.name, made, strict=True)


def _whole(value: Decimal | None) -> int | None:
    if value is None or not value.is_finite() or value != value.to_integral_value():
        return None
    return int(value) if -(2**63) <= value < 2**63 else None


def _float(value: Decimal | None) -> float | None:
    """Rounded, as fractions are; None where it is too large for a float, or a whole number beyond 2^53."""
    if value is None:
        return None
    has_fraction = value.is_finite() and value.adjusted() - len(value.as_tuple().digits) < -1
    if value.is_finite() and not has_fraction and abs(value) > EXACT:
        return None
    result = float(value)
    return None if math.isinf(result) and value.is_finite() else result


def _short(values: pl.Series, place: Place) -> pl.Series:
    """Raises SourceError where a text or blob is longer than one may be."""
    if values.dtype in (pl.String, pl.Binary):
        sizes = values.str.len_bytes() if values.dtype == pl.String else values.bin.size()
        if int(sizes.max() or 0) > VALUE:  # type: ignore[arg-type]
            raise too_long(place, f"a value of column {values.name}")
    return values


def _utc(timestamp: dt.datetime) -> dt.datetime:
    return timestamp.replace(tzinfo=dt.UTC) if timestamp.tzinfo is None else timestamp.astimezone(dt.UTC)
