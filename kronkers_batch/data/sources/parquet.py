"""Parquet files, streamed by Polars with the window and the columns pushed into the reading."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import within
from kronkers_batch.data.window import Window
from kronkers_batch.frames.schema import ColumnType


def read(file: Opened, source: SourceSpec, window: Window, rows: int, place: Place) -> Iterator[pl.DataFrame]:
    """Typed frames of one file. Raises SourceError."""
    found = schema(file, source, place)
    lazy = pl.scan_parquet(file.reading, glob=False, hive_partitioning=False).select(source.schema.names)
    wanted = _pushed(source, found, window)
    if wanted is not None:
        lazy = lazy.filter(wanted)
    try:
        # Polars' own out-of-core spill is for sorts and joins only; a filtered scan keeps nothing.
        batches = iter(lazy.collect_batches(chunk_size=rows, maintain_order=True))
        while (raw := next(batches, None)) is not None:
            yield within(casting.cast_frame(raw, source.schema, place), source.time_column, window)
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise place.error(
            _said(error), "Deliver the file again: it is damaged or was being written.", str(error)
        ) from None


def schema(file: Opened, source: SourceSpec, place: Place) -> pl.Schema:
    """The file's columns and types, checked against the declared ones. Raises SourceError."""
    try:
        found = pl.Schema(pl.read_parquet_schema(file.reading))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise place.error(
            "the file is not a whole Parquet file", "Deliver the file again.", str(error)
        ) from None
    casting.missing_columns(source.schema, found.names(), place)
    casting.check_types(source.schema, found.items(), place)
    return found


def _said(error: BaseException) -> str:
    # Polars' messages may quote data; only the kind of failure is passed on.
    if "utf" in str(error).lower():
        return "a text column holds bytes that are not UTF-8"
    return "the file cannot be read to its end"


def _pushed(source: SourceSpec, found: pl.Schema, window: Window) -> pl.Expr | None:
    """The window as a filter that row-group statistics understand; None where it cannot be pushed."""
    name = source.time_column
    if window.whole or not name:
        return None
    dtype = found[name]
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return _between(column, *(_literal(m, dtype) for m in (window.start, window.end)))
    if dtype == pl.Date and source.schema[name].type in (ColumnType.DATE, ColumnType.TIMESTAMP):
        return _between(column, *(_first_day(m) for m in (window.start, window.end)))
    return None


def _between(column: pl.Expr, start: pl.Expr | None, end: pl.Expr | None) -> pl.Expr:
    inside = pl.lit(True)
    if start is not None:
        inside &= column >= start
    if end is not None:
        inside &= column < end
    return inside


def _literal(moment: dt.datetime | None, dtype: pl.Datetime) -> pl.Expr | None:
    if moment is None:
        return None
    naive = pl.lit(moment.replace(tzinfo=None), dtype=pl.Datetime("us"))
    if dtype.time_zone is None:
        return naive.cast(dtype)
    return naive.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone).cast(dtype)


def _first_day(moment: dt.datetime | None) -> pl.Expr | None:
    """The first day whose midnight is not before the moment: ``>=`` and ``<`` mean the same with it."""
    if moment is None:
        return None
    later = dt.timedelta(days=1) if moment.time() != dt.time() else dt.timedelta()
    return pl.lit(moment.date() + later)
