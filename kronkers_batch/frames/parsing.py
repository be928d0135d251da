"""Text as values: the few forms that are read, each with one meaning. What is in none of them becomes null.

Whatever the text comes from (CSV, Parquet, a database), it is read here. Polars' own parsers take more than
they should: years of two digits, signs before a year, and fractions of a second that they cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from kronkers_batch.frames.schema import ColumnType

EXACT = 2**53
"""Whole numbers up to here are taken for floats; beyond, a float cannot tell them from their neighbours."""
SUSPECT: dict[pl.DataType, float] = {pl.Float64(): 2.0**53, pl.Float32(): 2.0**24}
"""From here on a whole number that became a float may have been another one."""
FORMS: dict[ColumnType, str] = {
    ColumnType.FLOAT: "1.5 or -2e3, without a separator of thousands, and whole numbers up to 2^53",
    ColumnType.FLOAT32: "1.5 or -2e3, without a separator of thousands, and whole numbers up to 2^24",
    ColumnType.INTEGER: "12 or -3, without a point and a separator of thousands",
    ColumnType.INT32: "12 or -3, from -2147483648 to 2147483647",
    ColumnType.BOOLEAN: "true, false, 1 and 0",
    ColumnType.DATE: "2013-06-01, with a year of four digits",
    ColumnType.TIMESTAMP: "2013-06-01T12:00:00Z, 2013-06-01 12:00:00.123456+02:00, 2013-06-01 12:00 and "
    "2013-06-01, with a year of four digits and at most six digits of a second",
}
"""The forms in which a text may hold a value of a type, for messages."""

_UTC = pl.Datetime("us", "UTC")
_WITH_ZONE = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_WITHOUT_ZONE = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
_DAY = r"^\s*[0-9]{4}-"  # a year of four digits, without a sign
_TIMESTAMP = _DAY + r"[^.]*(?:$|\.[0-9]{0,6}0*(?:[^0-9]|$))"  # and no digit that microseconds do not hold
_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_TRUE, _FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")


def parsed(text: pl.Series, kind: ColumnType) -> pl.Series:
    """The values of a column of texts that is declared ``kind``, which is no kind of text.

    Null where there is none, and where the text is in none of :data:`FORMS` or the type cannot hold its
    value.
    """
    return _PARSERS[kind](text)


def _only(result: pl.Series, right: pl.Series) -> pl.Series:
    """The result where ``right`` holds, else null."""
    if right.all():
        return result
    return pl.select(pl.when(right).then(result)).to_series().alias(result.name)


def _number(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Spaces around a number are ignored: many programs write them, and Arrow ignores them around floats."""
    result = text.cast(dtype, strict=False)
    if result.null_count() == text.null_count():
        return result
    return text.str.strip_chars(" \t").cast(dtype, strict=False)


def _float(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    result = _number(text, dtype)
    if not (result.abs() >= SUSPECT[dtype]).any():
        return result
    # A fraction is rounded, as any float is. A whole number that would become another one is none, and what
    # is finite stays so.
    digits = text.str.contains(_WHOLE)
    whole = whole_as_float(_number(pl.select(pl.when(digits).then(text)).to_series(), pl.Int64()), dtype)
    finite = result.is_finite() | ~text.str.contains(r"[0-9]")
    return pl.select(pl.when(digits).then(whole).when(finite).then(result)).to_series().alias(text.name)


def whole_as_float(whole: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Whole numbers of any type as floats; null where the float would be another number, or may be."""
    wide = whole.cast(pl.Int64, strict=False)
    exact = wide.is_between(-EXACT, EXACT)
    result = wide.cast(dtype)
    if dtype != pl.Float64:
        exact &= result.cast(pl.Float64) == wide.cast(pl.Float64)
    return _only(result, exact)


def _boolean(text: pl.Series) -> pl.Series:
    column = pl.col(text.name)
    choice = pl.when(column.is_in(_TRUE)).then(True).when(column.is_in(_FALSE)).then(False)
    return text.to_frame().select(choice.otherwise(None).cast(pl.Boolean).alias(text.name)).to_series()


def _date(text: pl.Series) -> pl.Series:
    return _only(text.str.to_date("%Y-%m-%d", strict=False), text.str.contains(_DAY))


def _timestamp(text: pl.Series) -> pl.Series:
    result = pl.Series(text.name, [None], dtype=_UTC).new_from_index(0, len(text))
    for form in (*_WITH_ZONE, *_WITHOUT_ZONE):
        waiting = result.is_null() & text.is_not_null()
        if not waiting.any():
            break
        if form in _WITH_ZONE:
            found = text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        else:
            naive = text.str.to_datetime(form, time_unit="us", strict=False)
            found = naive.dt.replace_time_zone("UTC")
        result = found.zip_with(waiting, result)
    return _only(result, text.str.contains(_TIMESTAMP))


_PARSERS: dict[ColumnType, Callable[[pl.Series], pl.Series]] = {
    ColumnType.FLOAT: partial(_float, dtype=pl.Float64()),
    ColumnType.FLOAT32: partial(_float, dtype=pl.Float32()),
    ColumnType.INTEGER: partial(_number, dtype=pl.Int64()),
    ColumnType.INT32: partial(_number, dtype=pl.Int32()),
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.TIMESTAMP: _timestamp,
}
