"""From a snapshot's columns to the columns that a model sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema, type_name

if TYPE_CHECKING:
    import polars as pl

_EXACT = 2**53


def as_features(frame: pl.DataFrame, features: Schema) -> pl.DataFrame:
    """Select and cast the features. Raises DataError where a cast would change a value.

    Integers become floats only where that is exact (magnitude up to 2^53).
    """
    import polars as pl

    wanted = polars_schema(features)
    out: list[pl.Series] = []
    for column in features:
        series = frame[column.name]
        if series.dtype == wanted[column.name]:
            out.append(series)
            continue
        if column.type in (ColumnType.FLOAT, ColumnType.FLOAT32) and series.dtype.is_integer():
            _refuse_inexact(series, column.name)
        try:
            out.append(series.cast(wanted[column.name]))
        except pl.exceptions.PolarsError:
            raise DataError(
                f"{column.name} has values that are not of type {column.type}",
                where=f"feature {column.name}",
                fix=f"declare the feature as {type_name(series.dtype)}, as in its source, or convert it in "
                "the source",
            ) from None
    return pl.DataFrame(out)


def _refuse_inexact(series: pl.Series, name: str) -> None:
    count = int(((series > _EXACT) | (series < -_EXACT)).sum())
    if count:
        raise DataError(
            f"{name} has {count:,} integers beyond 2^53, which a float cannot hold exactly",
            where=f"feature {name}",
            fix=f"declare the feature as integer, or as category if {name} is an identifier",
        )
