"""Polars frames in the framework's own column types."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kronkers_batch.errors import SourceError
from kronkers_batch.frames.near import near
from kronkers_batch.frames.parsing import parsed, whole_as_float
from kronkers_batch.frames.schema import SPANS, Column, ColumnType, Schema

POLARS_TYPES: dict[ColumnType, pl.DataType] = {
    ColumnType.FLOAT: pl.Float64(),
    ColumnType.FLOAT32: pl.Float32(),
    ColumnType.INTEGER: pl.Int64(),
    ColumnType.INT32: pl.Int32(),
    ColumnType.BOOLEAN: pl.Boolean(),
    ColumnType.DATE: pl.Date(),
    ColumnType.TIMESTAMP: pl.Datetime("us", "UTC"),
    ColumnType.STRING: pl.String(),
    ColumnType.CATEGORY: pl.String(),
}
"""How a column lies in memory. A category is held as its strings; the levels are in the schema."""

_UNITS = {"d": 1, "ms": 86_400_000, "us": 86_400_000_000}  # of a day; nanoseconds reach no further than 2262


def polars_schema(schema: Schema) -> pl.Schema:
    """The types of a frame that conforms to ``schema``."""
    return pl.Schema({c.name: POLARS_TYPES[c.type] for c in schema})


def type_name(dtype: pl.DataType) -> str:
    """The type's name alone: the whole text of an Enum has its levels, that of a Struct its fields."""
    return dtype.base_type().__name__


def conform(df: pl.DataFrame, schema: Schema, where: str) -> pl.DataFrame:
    """``df`` with exactly the columns of ``schema``, in its order and types.

    Columns that are not declared are left out. Only conversions that keep every value are made, see
    :func:`converted`; a column without any value may be of any type. Levels of a category are not looked at
    here.

    Args:
        df: What a worker gave.
        schema: What is declared.
        where: The model, for messages.

    Raises:
        SourceError: A declared column is missing, has another type, or holds values that do not fit.
    """
    columns: dict[str, pl.Series] = {}
    for column in schema:
        if column.name not in df.columns:
            raise _missing(column, df.columns, where)
        columns[column.name] = _convert(df.get_column(column.name), column, where)
    return pl.DataFrame(columns) if columns else df.select([])


def converted(series: pl.Series, column: Column) -> pl.Series | None:
    """The values in the declared type; null where one cannot be held, and None where the type never fits.

    Between number types each value fits exactly: a float that is whole is an integer, a whole number up to
    2^53 a float, 0 and 1 are booleans. Decimals and longer floats are rounded to floats. Text is read as
    dates and timestamps; timestamps of other units and zones become microseconds in UTC (without a zone they
    are taken as UTC); categoricals become text. What is of no type, since it has no value, fits all.
    """
    wanted = POLARS_TYPES[column.type]
    if series.dtype == wanted:
        return series
    if series.dtype == pl.Null:
        return series.cast(wanted)
    return _RULES[column.type](series)


def _missing(column: Column, present: list[str], where: str) -> SourceError:
    close = near(column.name, present)
    hint = f"; the nearest name there is '{close}'" if close else ""
    return SourceError(
        f"column '{column.name}' is declared, but the source does not have it{hint}",
        where=where,
        fix="correct the column's name in the declaration, or add the column to the source",
        found="\n".join(present),
    )


def _convert(series: pl.Series, column: Column, where: str) -> pl.Series:
    if series.null_count() == len(series):  # languages have no type of their own for what is missing
        return pl.repeat(None, len(series), dtype=POLARS_TYPES[column.type], eager=True)
    result = converted(series, column)
    if result is None:
        raise SourceError(
            f"column '{column.name}' is {type_name(series.dtype)}, but declared as {column.type}",
            where=where,
            fix=f"declare another type for '{column.name}', or convert it in the source",
            found=str(series.dtype),
        )
    result = of_years(result)
    lost = result.null_count() - series.null_count()
    if lost:
        raise SourceError(
            f"column '{column.name}' is declared as {column.type}, but {lost:,} of {len(series):,} values "
            f"({type_name(series.dtype)}) do not fit it exactly",
            where=where,
            fix=f"declare another type for '{column.name}', or correct the source",
        )
    return result


def _to_float(wanted: pl.DataType) -> Callable[[pl.Series], pl.Series | None]:
    def convert(series: pl.Series) -> pl.Series | None:
        whole = series.dtype.is_decimal() and getattr(series.dtype, "scale", None) == 0
        if series.dtype.is_integer() or whole:
            return whole_as_float(series, wanted)
        if not series.dtype.is_numeric():
            return None
        result = series.cast(wanted)
        if wanted == pl.Float64:
            return result
        # A float that is rounded was declared so; one that becomes infinite was not.
        kept = result.is_finite() | ~series.cast(pl.Float64).is_finite()
        return pl.select(pl.when(kept).then(result)).to_series()

    return convert


def _to_integer(wanted: pl.DataType) -> Callable[[pl.Series], pl.Series | None]:
    def convert(series: pl.Series) -> pl.Series | None:
        if series.dtype.is_integer():
            return series.cast(wanted, strict=False)
        if series.dtype.is_float() or series.dtype.is_decimal():
            whole = series.cast(wanted, strict=False)
            return pl.select(
                pl.when(whole.cast(series.dtype, strict=False) == series).then(whole)
            ).to_series()
        return None

    return convert


def _to_boolean(series: pl.Series) -> pl.Series | None:
    if not series.dtype.is_integer():
        return None
    return pl.select(pl.when(series.is_in([0, 1])).then(series.cast(pl.Boolean))).to_series()


def _to_date(series: pl.Series) -> pl.Series | None:
    if series.dtype == pl.String:
        return parsed(series, ColumnType.DATE)
    if isinstance(series.dtype, pl.Datetime):
        days = series.dt.date()
        midnight = series.dt.replace_time_zone(None) == days.cast(pl.Datetime(series.dtype.time_unit))
        return pl.select(pl.when(midnight).then(days)).to_series()
    return None


def _to_timestamp(series: pl.Series) -> pl.Series | None:
    if series.dtype == pl.String:
        return parsed(series, ColumnType.TIMESTAMP)
    series = of_years(series)
    if series.dtype == pl.Date:
        return series.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(series.dtype, pl.Datetime):
        zoned = (
            series.dt.convert_time_zone("UTC")
            if series.dtype.time_zone
            else series.dt.replace_time_zone("UTC")
        )
        micro = zoned.dt.cast_time_unit("us")
        return pl.select(
            pl.when(micro.dt.cast_time_unit(series.dtype.time_unit) == zoned).then(micro)
        ).to_series()
    return None


def of_years(series: pl.Series) -> pl.Series:
    """Without the dates and times of no year from 1 to 9999: Polars ends where it converts some."""
    unit = "d" if series.dtype == pl.Date else getattr(series.dtype, "time_unit", "")
    if unit not in _UNITS:
        return series
    days = SPANS[ColumnType.DATE]
    first, last = days[0] * _UNITS[unit], (days[1] + 1) * _UNITS[unit] - 1
    inside = series.to_physical().is_between(first, last)
    return series if inside.all() else pl.select(pl.when(inside).then(series)).to_series()


def _to_string(series: pl.Series) -> pl.Series | None:
    return series.cast(pl.String) if series.dtype in (pl.Categorical, pl.Enum) else None


_RULES: dict[ColumnType, Callable[[pl.Series], pl.Series | None]] = {
    ColumnType.FLOAT: _to_float(pl.Float64()),
    ColumnType.FLOAT32: _to_float(pl.Float32()),
    ColumnType.INTEGER: _to_integer(pl.Int64()),
    ColumnType.INT32: _to_integer(pl.Int32()),
    ColumnType.BOOLEAN: _to_boolean,
    ColumnType.DATE: _to_date,
    ColumnType.TIMESTAMP: _to_timestamp,
    ColumnType.STRING: _to_string,
    ColumnType.CATEGORY: _to_string,
}
