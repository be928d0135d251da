"""Polars frames in the framework's own column types."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kronkers_batch.errors import SourceError
from kronkers_batch.frames.near import near
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


def polars_schema(schema: Schema) -> pl.Schema:
    """The types of a frame that conforms to ``schema``."""
    return pl.Schema({c.name: POLARS_TYPES[c.type] for c in schema})


def type_name(dtype: pl.DataType) -> str:
    """The type's name alone: the whole text of an Enum has its levels, that of a Struct its fields."""
    return dtype.base_type().__name__


def conform(df: pl.DataFrame, schema: Schema, where: str) -> pl.DataFrame:
    """``df`` with exactly the columns of ``schema``, in its order and types.

    Columns that are not declared are left out. Only conversions that keep every value are made: between
    number types where each value fits exactly, whole floats to integers, 0 and 1 to boolean, ISO 8601 text to
    dates and timestamps, timestamps of other units and zones to microseconds in UTC (without a zone they are
    taken as UTC), categoricals to text. Levels of a category are not looked at here.

    Args:
        df: What a source gave.
        schema: What is declared.
        where: The source, for messages.

    Raises:
        SourceError: A declared column is missing, has another type, or holds values that do not fit.
    """
    columns: dict[str, pl.Series] = {}
    for column in schema:
        if column.name not in df.columns:
            raise _missing(column, df.columns, where)
        columns[column.name] = _convert(df.get_column(column.name), column, where)
    return pl.DataFrame(columns) if columns else df.select([])


def _missing(column: Column, present: list[str], where: str) -> SourceError:
    close = near(column.name, present)
    hint = f"; the nearest name there is '{close}'" if close else ""
    return SourceError(
        f"column '{column.name}' is declared, but it is not there{hint}",
        where=where,
        fix="correct the column's name in the declaration, or add the column to the source",
        found="\n".join(present),
    )


def _convert(series: pl.Series, column: Column, where: str) -> pl.Series:
    wanted = POLARS_TYPES[column.type]
    if series.dtype == wanted:
        return series
    if series.null_count() == len(series):  # without a value there is nothing to convert
        return pl.repeat(None, len(series), dtype=wanted, eager=True)
    rule = _RULES[column.type](series)
    if rule is None:
        raise SourceError(
            f"column '{column.name}' is {type_name(series.dtype)}, but declared as {column.type}",
            where=where,
            fix=f"declare another type for '{column.name}', or convert it in the source",
            found=str(series.dtype),
        )
    converted = _shown(rule, column)
    lost = converted.null_count() - series.null_count()
    if lost:
        raise SourceError(
            f"column '{column.name}' is declared as {column.type}, but {lost:,} of {len(series):,} values "
            f"({type_name(series.dtype)}) do not fit it exactly",
            where=where,
            fix=f"declare another type for '{column.name}', or correct the source",
        )
    return converted


def _shown(converted: pl.Series, column: Column) -> pl.Series:
    """Null where a day or moment is beyond the years that can be shown; text is read of any year."""
    if column.type not in SPANS:
        return converted
    within = converted.to_physical().is_between(*SPANS[column.type])
    return pl.select(pl.when(within).then(converted)).to_series()


def _to_float(series: pl.Series) -> pl.Series | None:
    if series.dtype.is_integer():
        wide = series.cast(pl.Int64, strict=False)
        return pl.select(pl.when(wide.is_between(-(2**53), 2**53)).then(wide.cast(pl.Float64))).to_series()
    return series.cast(pl.Float64) if series.dtype.is_numeric() else None


def _to_float32(series: pl.Series) -> pl.Series | None:
    wide = _to_float(series)
    if wide is None:
        return None
    narrow = wide.cast(pl.Float32)
    if series.dtype.is_integer():  # a float that is rounded was declared so; a whole number would be wrong
        return pl.select(pl.when(narrow.cast(pl.Float64) == wide).then(narrow)).to_series()
    return pl.select(pl.when(narrow.is_infinite() == wide.is_infinite()).then(narrow)).to_series()


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
        return series.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(series.dtype, pl.Datetime):
        days = series.dt.date()
        midnight = series.dt.replace_time_zone(None) == days.cast(pl.Datetime(series.dtype.time_unit))
        return pl.select(pl.when(midnight).then(days)).to_series()
    return None


def _to_timestamp(series: pl.Series) -> pl.Series | None:
    if series.dtype == pl.String:
        return series.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
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


def _to_string(series: pl.Series) -> pl.Series | None:
    return series.cast(pl.String) if series.dtype in (pl.Categorical, pl.Enum) else None


_RULES: dict[ColumnType, Callable[[pl.Series], pl.Series | None]] = {
    ColumnType.FLOAT: _to_float,
    ColumnType.FLOAT32: _to_float32,
    ColumnType.INTEGER: _to_integer(pl.Int64()),
    ColumnType.INT32: _to_integer(pl.Int32()),
    ColumnType.BOOLEAN: _to_boolean,
    ColumnType.DATE: _to_date,
    ColumnType.TIMESTAMP: _to_timestamp,
    ColumnType.STRING: _to_string,
    ColumnType.CATEGORY: _to_string,
}
