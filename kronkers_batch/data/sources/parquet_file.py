"""Parquet files, streamed by Arrow; only the needed columns, and row groups that may have rows of the window.

By Arrow, because a damaged or forged file ends there in an error: with Polars it can end the process. What
neither of them bounds is looked at before: see ``pages``. Arrow looks at each text; those of a batch in which
one is not UTF-8 stay bytes, and the cast says how many.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting, footer, int96, pages
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.window_rows import typed
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
        with contextlib.closing(_frames(parquet, file.reading, source, window, rows, place)) as frames:
            for first, frame in frames:
                here = place if first is None else place.at_rows(partial(_row, first))
                yield typed(frame, source, window, here)


def _row(first: int, number: int) -> str:
    return f"row {first + number + 1} of the file"


def _frames(
    file: pq.ParquetFile, path: str, source: SourceSpec, window: Window, rows: int, place: Place
) -> Generator[tuple[int | None, pl.DataFrame]]:
    """Raw frames, each with the number of its first row in the file; None where row groups are left out."""
    import pyarrow as pa

    names = list(source.schema.names)
    try:
        with open(path, "rb") as raw:  # noqa: PTH123 - by descriptor
            metadata = footer.read(raw.fileno())
            groups = _groups(metadata, source.time_column, window)
            fitting = min(rows, _fitting(path, raw.fileno(), names, metadata, groups))
        first = 0 if len(groups) == len(metadata.groups) else None
        with contextlib.ExitStack() as stack:
            old = int96.columns(metadata, names)
            again = stack.enter_context(int96.microseconds(path, fitting, groups, old)) if old else None
            for batch in file.iter_batches(fitting, row_groups=groups, columns=names):
                frame = _frame(batch, names)
                if again is not None:
                    coarse = _frame(next(again), old)
                    frame = frame.with_columns(int96.joined(frame[name], coarse[name], place) for name in old)
                yield first, frame
                first = None if first is None else first + frame.height
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise place.error(
            "the file cannot be read to its end",
            "Deliver the file again: it is damaged or was being written.",
            str(error),
        ) from None


def look(file: Opened, source: SourceSpec, place: Place) -> None:
    """Raises SourceError where the declared columns are not there, or not of types that fit; reads no row."""
    with _opened(file.reading, place) as parquet:
        _check(parquet, source, place)


def columns(file: Opened, place: Place) -> list[str]:
    """The names of its columns; reads no row. Raises SourceError."""
    with _opened(file.reading, place) as parquet:
        return list(parquet.schema_arrow.names)


@contextlib.contextmanager
def _opened(path: str, place: Place) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa
    from pyarrow import parquet as pq

    _allocating()
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


@functools.cache
def _allocating() -> None:
    """Gives memory back early where that can be had: a tenth less at the peak, and in the kernel's time."""
    import pyarrow as pa

    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _check(file: pq.ParquetFile, source: SourceSpec, place: Place) -> None:
    import pyarrow as pa

    found = file.schema_arrow
    casting.missing_columns(source.schema, found.names, place)
    twice = sorted({n for n in source.schema.names if found.names.count(n) > 1})
    if twice:
        raise place.error(
            f"the file has several columns called {', '.join(twice)}", "Rename them in the file."
        )
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


def _frame(batch: pa.RecordBatch, names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([_series(name, batch.column(name)) for name in names])


def _series(name: str, array: Any) -> pl.Series:
    """The same values; texts that are none as bytes, and times in UTC."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    # Seen as another type, which copies nothing; a cast would import Arrow's compute functions (0.05 s).
    if (as_bytes := _as_bytes(kind)) is not None:
        try:
            array.validate(full=True)  # looks at each text; nobody else does
        except pa.ArrowInvalid:
            array = array.view(as_bytes)
    elif pa.types.is_timestamp(kind) and kind.tz is not None:
        array = array.view(pa.timestamp(kind.unit, "UTC"))
    return _exported(name, array)


def _exported(name: str, array: Any) -> pl.Series:
    return pl.Series(_Exported(array)).alias(name)


def _as_bytes(kind: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    return pa.binary_view() if pa.types.is_string_view(kind) else None


class _Exported:
    """An array through Arrow's C interface alone: Polars' other ways import the compute functions."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        exported: tuple[object, object] = self._array.__arrow_c_array__(requested_schema)
        return exported


# ---------------------------------------------------------------- how much is read at once


def _fitting(
    path: str, descriptor: int, names: Sequence[str], metadata: footer.Footer, groups: Sequence[int]
) -> int:
    """How many rows fit into a batch's memory. Raises CompactError.

    Where a text may be written once for many rows, the longest of them counts for each row.
    """
    leaves = {name: metadata.leaves[name] for name in names if name in metadata.leaves}
    longest = {name: leaf.length for name, leaf in leaves.items() if leaf.physical == footer.FIXED}
    repeating: dict[int, list[str]] = {}
    for group in groups:
        for name, leaf in leaves.items():
            found = pages.walk(descriptor, metadata.groups[group].chunk(leaf))
            if leaf.physical == footer.BYTES:
                longest[name] = max(longest.get(name, 0), found.delta)
                if found.dictionary:
                    repeating.setdefault(group, []).append(name)
    for name, length in _longest(path, repeating):
        longest[name] = max(longest[name], length)
    return max(1, min(_ROWS, _HELD // max(1, sum(longest.values()))))


def _longest(path: str, repeating: Mapping[int, Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Columns, with bytes of the longest text that a row group has for several rows; by row group."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    if not repeating:
        return
    every = sorted({name for names in repeating.values() for name in names})
    with pa.OSFile(path, "r") as raw, pq.ParquetFile(raw, read_dictionary=every, pre_buffer=False) as file:
        for group, names in repeating.items():
            # One row brings the whole dictionary.
            for batch in itertools.islice(file.iter_batches(1, row_groups=[group], columns=list(names)), 1):
                for name in names:
                    texts: Any = batch.column(name)
                    if pa.types.is_dictionary(texts.type):  # a decimal that is kept as bytes is not
                        yield name, _longest_of(texts.dictionary)


def _longest_of(texts: Any) -> int:
    sizes = _exported("", texts.view(_as_bytes(texts.type) or texts.type)).bin.size()
    return max(sizes.drop_nulls().to_list(), default=0)


# ---------------------------------------------------------------- which row groups


def _groups(metadata: footer.Footer, time_column: str, window: Window) -> list[int]:
    """The row groups that may have rows of the window, by what the file says of its times."""
    every = list(range(len(metadata.groups)))
    leaf = metadata.leaves.get(time_column)
    if window.whole or leaf is None or leaf.scale is None:
        return every
    return [g for g in every if _may_have(metadata.groups[g].chunk(leaf), leaf.scale, window)]


def _may_have(chunk: footer.Chunk, scale: tuple[int, int], window: Window) -> bool:
    if chunk.first is None or chunk.last is None:
        return True
    first, last = (value * scale[0] // scale[1] for value in (chunk.first, chunk.last))
    before = window.start is not None and last < _microseconds(window.start)
    after = window.end is not None and first >= _microseconds(window.end)
    return not (before or after)


def _microseconds(timestamp: dt.datetime) -> int:
    return (timestamp - _EPOCH) // dt.timedelta(microseconds=1)
