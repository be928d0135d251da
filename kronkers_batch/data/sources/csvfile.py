"""CSV files (plain, ``.gz`` or ``.zip``), streamed by Arrow and cast strictly.

Arrow is told every column's type, bytes or a declared float: none is ever guessed from the first rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting, packed
from kronkers_batch.data.sources.csvparse import BLOCK, OpenQuoteError, Parser
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import typed
from kronkers_batch.data.window import Window
from kronkers_batch.frames.schema import ColumnType

_FRAME_ROWS = 2**15  # rows that are cast at a time, at least
_AGAIN = "Deliver the file again, packed with zip or gzip, or as it is."
_HEADER = 2**20  # a first line longer than this is not one


@dataclass(frozen=True)
class Format:
    """How a file is written: delimiter, quote, and the texts that mean a missing value."""

    delimiter: str
    quote: str
    nulls: tuple[str, ...]


def read(
    file: Opened, source: SourceSpec, window: Window, form: Format, place: Place
) -> Iterator[pl.DataFrame]:
    """Typed frames of one file. Raises SourceError."""
    names = _header(file, form, place)
    casting.missing_columns(source.schema, names, place)
    twice = sorted({n for n in source.schema.names if names.count(n) > 1})
    if twice:
        raise place.error(
            f"the file has several columns called {', '.join(twice)}",
            "Rename them in the file.",
            "its columns:\n" + "\n".join(names),
        )
    # Where all rows are wanted, Arrow parses the floats itself: a third less time than casts from text.
    floats = _floats(source) if window.whole or not source.time_column else {}
    done = 0
    try:
        for raw in _batches(file, names, source, form, place, floats):
            done += raw.height
            yield typed(raw, source, window, place)
        return
    except _NoFloatError:
        pass
    # The cast says what is wrong, and in how many rows, without a value; or knows a form that Arrow does not.
    for raw in _batches(file, names, source, form, place, {}):
        skipped = min(done, raw.height)
        done -= skipped
        if skipped < raw.height:
            yield typed(raw[skipped:], source, window, place)


class _NoFloatError(Exception):
    """Arrow found a text that is no float in a column that is declared so."""


def _floats(source: SourceSpec) -> dict[str, Any]:
    import pyarrow as pa

    arrow_types = {ColumnType.FLOAT: pa.float64(), ColumnType.FLOAT32: pa.float32()}
    return {c.name: arrow_types[c.type] for c in source.schema if c.type in arrow_types}


def _batches(
    file: Opened,
    names: Sequence[str],
    source: SourceSpec,
    form: Format,
    place: Place,
    typed: Mapping[str, Any],
) -> Iterator[pl.DataFrame]:
    """The declared columns: ``typed`` ones in these Arrow types, all others as bytes.

    Raises SourceError, and _NoFloatError where a typed column holds something else.
    """
    import pyarrow as pa

    types = {name: typed.get(name, pa.binary()) for name in source.schema.names}
    parser = Parser(names, types, form.delimiter, form.quote, form.nulls)
    try:
        with packed.opened(file.reading, file.path.suffix) as stream:
            yield from _joined(parser.tables(stream))
    except OpenQuoteError:
        raise place.error(
            "a quote is opened and never closed, so that all rows behind it would be one text",
            "Correct the file, or `csv: {quote}` of the source.",
        ) from None
    except packed.PackedError as error:
        raise place.error(error.what, _AGAIN, error.found) from None
    except (pa.ArrowException, OSError) as error:
        if typed and "conversion error" in str(error):
            raise _NoFloatError from None
        raise place.error(
            _said(error), "Correct the file, or `csv: {delimiter, quote}` of the source.", str(error)
        ) from None


def _joined(tables: Iterable[Any]) -> Iterator[pl.DataFrame]:
    """Arrow's tables may be of a few thousand rows; a frame costs the same for ten times as many."""
    waiting: list[Any] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        if rows >= _FRAME_ROWS:
            yield _frame(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _frame(waiting)


def _frame(tables: list[Any]) -> pl.DataFrame:
    import pyarrow as pa

    # Not made contiguous: whoever puts frames together to chunks copies them once, and that is enough.
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables), rechunk=False))


def _header(file: Opened, form: Format, place: Place) -> list[str]:
    try:
        with packed.opened(file.reading, file.path.suffix) as stream:
            start = stream.read(_HEADER)
    except packed.PackedError as error:
        raise place.error(error.what, _AGAIN, error.found) from None
    except OSError as error:
        raise place.error("the file cannot be read", "Deliver the file again.", str(error)) from None
    try:
        lines = start.splitlines()
        first = lines[0].decode("utf-8-sig") if lines else ""
    except UnicodeDecodeError:
        found = lines[0].decode("utf-8-sig", "backslashreplace")
        raise place.error("the line of column names is not UTF-8", "Save the file as UTF-8.", found) from None
    options: dict[str, Any] = {"quotechar": form.quote} if form.quote else {"quoting": csv.QUOTE_NONE}
    try:
        names = next(csv.reader([first], delimiter=form.delimiter, **options), [])
    except csv.Error as error:
        raise place.error(
            "the line of column names is no line of CSV, or has a name that is too long",
            "Correct the file, or `csv: {delimiter, quote}` of the source.",
            str(error),
        ) from None
    if not any(names):
        raise place.error("the file is empty: not even column names", "Deliver it again, or remove it.")
    return names


def _said(error: BaseException) -> str:
    # Arrow quotes the offending row; only its numbers are passed on.
    text = str(error)
    if counted := re.search(r"Expected (\d+) columns, got (\d+)", text):
        return f"a row has {counted[2]} fields where the first line has {counted[1]}"
    if "straddling object" in text:
        return f"a row is longer than {BLOCK // 2**20} MB: a quote is probably not closed"
    return "the file is not well-formed CSV" if "CSV" in text else "the file cannot be read to its end"
