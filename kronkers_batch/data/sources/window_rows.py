"""Row-wise helpers that every kind of source shares: the window, and chunks of one size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import partial

import polars as pl

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.window import Window
from kronkers_batch.errors import SourceError
from kronkers_batch.frames import chunks

_CHUNK = 4 * 2**30  # bytes of rows that may wait for the rest of their chunk


def within(frame: pl.DataFrame, time_column: str, window: Window) -> pl.DataFrame:
    """The rows of a typed frame with ``start <= time < end``; a null time is in no window but the whole."""
    if window.whole or not time_column or not frame.height:
        return frame
    time = pl.col(time_column).cast(pl.Datetime("us", "UTC"))
    if frame.schema[time_column] == pl.Date:
        time = pl.col(time_column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    inside = pl.lit(True)
    if window.start is not None:
        inside &= time >= timestamp(window.start)
    if window.end is not None:
        inside &= time < timestamp(window.end)
    return frame.filter(inside)


def typed(raw: pl.DataFrame, source: SourceSpec, window: Window, place: Place) -> pl.DataFrame:
    """The rows of the window in the declared types. Raises SourceError.

    The time is cast first: only rows in the window are worth casting, which most nights are a few.
    """
    if window.whole or not source.time_column:
        return casting.cast_frame(raw, source.schema, place)
    time = casting.cast(raw.get_column(source.time_column), source.schema[source.time_column], place)
    number = f"number of {source.time_column}"  # whatever the column is called, this is another name
    rows = pl.DataFrame({source.time_column: time}).with_row_index(number)
    inside = within(rows, source.time_column, window).get_column(number)
    return casting.cast_frame(raw[inside], source.schema, place.among(inside.__getitem__))


def timestamp(value: dt.datetime) -> pl.Expr:
    """A UTC time as a literal."""
    return pl.lit(value, dtype=pl.Datetime("us", "UTC"))


def rechunked(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """As :func:`chunks.rechunked`. Raises SourceError where so many rows are too large to be held."""
    return chunks.rechunked(frames, rows, partial(_refuse_large, rows), contiguous=True)


def _refuse_large(rows: int, held: int, size: int) -> None:
    if size > _CHUNK:
        raise SourceError(
            f"{held} of the {rows} rows of a chunk take more than {_CHUNK // 2**30} GB",
            fix="Leave long texts out of `columns:`, or lower `executor.chunk_rows`.",
        )
