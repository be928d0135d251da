"""Parquet files, streamed by Arrow; only the needed columns, and row groups that may have rows of the window.

By Arrow, because a damaged or forged file ends there in an error: with Polars it can end the process. What
neither of them bounds is looked at before: see ``pages``. Texts come as bytes and become text by a cast that
looks at each of them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting, footer, pages
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import typed
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet as pq

_ROWS = 262_144  # rows of a batch, where their values are short
_HELD = 64 * 2**20  # bytes of a batch's texts, if each is as long as it may be
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read(file: Opened, source: SourceSpec, window: Window, rows: int, place: Place) -> Iterator[pl.DataFrame]:
    """Typed frames of one file. Raises SourceError."""
    # Not in a thread of its own: Arrow and Polars have theirs, and more of them cost more than they bring.
    with _opened(file.reading, place) as parquet:
        _check(parquet, source, place)
        with contextlib.closing(_batches(parquet, file.reading, source, window, rows, place)) as batches:
            for batch in batches:
                yield typed(_frame(batch, source.schema.names), source, window, place)


def _batches(
    file: pq.ParquetFile, path: str, source: SourceSpec, window: Window, rows: int, place: Place
) -> Generator[pa.RecordBatch]:
    import pyarrow as pa

    names = list(source.schema.names)
    try:
        with open(path, "rb") as raw:  # noqa: PTH123 - by descriptor
            told = footer.read(raw.fileno())
            groups = _groups(told, source.time_column, window)
            fitting = _fitting(path, raw.fileno(), names, told, groups)
        yield from file.iter_batches(min(rows, fitting), row_groups=groups, columns=names)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise place.error(
            "the file cannot be read to its end",
            "Deliver the file again: it is damaged or was being written.",
            str(error),
        ) from None


def schema(file: Opened, source: SourceSpec, place: Place) -> pl.Schema:
    """The types of the declared columns in the file, checked against the declared ones; reads no row.

    Raises SourceError.
    """
    with _opened(file.reading, place) as parquet:
        return _check(parquet, source, place)


@contextlib.contextmanager
def _opened(path: str, place: Place) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa
    from pyarrow import parquet as pq

    with contextlib.ExitStack() as stack:
        try:
            # Not mapped: a file that is cut off meanwhile would end the process.
            raw = stack.enter_context(pa.OSFile(path, "r"))
            parquet = stack.enter_context(
                pq.ParquetFile(raw, pre_buffer=False, page_checksum_verification=True)
            )
            _ = parquet.schema_arrow.names  # they are looked at only here
        except (pa.ArrowException, OSError, ValueError) as error:
            raise place.error(
                "the file is not a whole Parquet file", "Deliver the file again.", str(error)
            ) from None
        yield parquet


def _check(file: pq.ParquetFile, source: SourceSpec, place: Place) -> pl.Schema:
    import pyarrow as pa

    found = file.schema_arrow
    casting.missing_columns(source.schema, found.names, place)
    twice = sorted({n for n in source.schema.names if found.names.count(n) > 1})
    if twice:
        raise place.error(
            f"the file has several columns called {', '.join(twice)}", "Rename them in the file."
        )
    types = {}
    for column in source.schema:
        kind = found.field(column.name).type
        try:
            empty = _series(column.name, pa.nulls(0, kind))  # pa.array would import pandas
        except (ValueError, TypeError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
            raise place.error(
                f"column {column.name} is declared {column.type}, but is of a type that no column can be",
                "Declare another column, or convert it in the file.",
            ) from None
        casting.cast(empty, column, place)
        types[column.name] = empty.dtype
    return pl.Schema(types)


def _frame(batch: pa.RecordBatch, names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([_series(name, batch.column(name)) for name in names])


def _series(name: str, array: Any) -> pl.Series:
    """The same values; texts as bytes, which nobody has looked at yet, and moments in UTC."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array = array.cast(pa.large_binary())
    elif pa.types.is_string_view(kind):
        array = array.cast(pa.binary_view())
    elif pa.types.is_timestamp(kind) and kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    found = pl.from_arrow(array, rechunk=False)
    assert isinstance(found, pl.Series)  # noqa: S101 - an array makes a series
    return found.alias(name)


# ---------------------------------------------------------------- how much is read at once


def _fitting(
    path: str, descriptor: int, names: Sequence[str], told: footer.Footer, groups: Sequence[int]
) -> int:
    """How many rows fit into a batch's memory. Raises CompactError.

    Where a text may be written once for many rows, the longest of them counts for each row.
    """
    leaves = {name: told.leaves[name] for name in names if name in told.leaves}
    longest = {name: leaf.length for name, leaf in leaves.items() if leaf.physical == footer.FIXED}
    for group in groups:
        repeating = []
        for name, leaf in leaves.items():
            found = pages.walk(descriptor, told.groups[group].chunk(leaf))
            if leaf.physical == footer.BYTES:
                longest[name] = max(longest.get(name, 0), found.delta)
                repeating += [name] if found.dictionary else []
        for name, length in _longest(path, repeating, group).items():
            longest[name] = max(longest[name], length)
    return max(1, min(_ROWS, _HELD // max(1, sum(longest.values()))))


def _longest(path: str, names: Sequence[str], group: int) -> dict[str, int]:
    """Bytes of the longest text that a row group has for several rows, by column."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet as pq

    found: dict[str, int] = {}
    if not names:
        return found
    with (
        pa.OSFile(path, "r") as raw,
        pq.ParquetFile(raw, read_dictionary=list(names), pre_buffer=False) as file,
    ):
        # One row brings the whole dictionary.
        for batch in file.iter_batches(1, row_groups=[group], columns=list(names)):
            for name in names:
                texts: Any = batch.column(name)
                if pa.types.is_dictionary(texts.type):  # a decimal that is kept as bytes is not, and is short
                    found[name] = pc.max(pc.binary_length(texts.dictionary)).as_py() or 0
            break
    return found


# ---------------------------------------------------------------- which row groups


def _groups(told: footer.Footer, time_column: str, window: Window) -> list[int]:
    """The row groups that may have rows of the window, by what the file says of its times."""
    every = list(range(len(told.groups)))
    leaf = told.leaves.get(time_column)
    if window.whole or leaf is None or leaf.scale is None:
        return every
    return [g for g in every if _may_have(told.groups[g].chunk(leaf), leaf.scale, window)]


def _may_have(chunk: footer.Chunk, scale: tuple[int, int], window: Window) -> bool:
    if chunk.first is None or chunk.last is None:
        return True
    first, last = (value * scale[0] // scale[1] for value in (chunk.first, chunk.last))
    before = window.start is not None and last < _microseconds(window.start)
    after = window.end is not None and first >= _microseconds(window.end)
    return not (before or after)


def _microseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)
