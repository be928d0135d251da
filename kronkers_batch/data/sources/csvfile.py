"""CSV files (plain, ``.gz`` or ``.zip``), streamed by Arrow and cast strictly.

Arrow is given every column's type, bytes or a declared float: none is ever guessed from the first rows. Its
floats are taken where they cannot differ from what a cast of the text gives; else the text is cast.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting, csvhead, csvlines, packed
from kronkers_batch.data.sources.csvparse import BLOCK, OpenQuoteError, Parser
from kronkers_batch.data.sources.csvquotes import BehindQuoteError
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.window_rows import typed
from kronkers_batch.data.window import Window
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.parsing import SUSPECT
from kronkers_batch.frames.schema import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")
_FRAME_ROWS = 2**15  # rows that are cast at a time, at least
_AGAIN = "Deliver the file again, packed with zip or gzip, or as it is."
_CORRECT = "Correct the file, or `csv: {delimiter, quote}` of the source."
_TEXTS = (ColumnType.STRING, ColumnType.CATEGORY)


@dataclass(frozen=True)
class Format:
    """How a file is written: delimiter, quote, and the texts that mean a missing value."""

    delimiter: str
    quote: str
    nulls: tuple[str, ...]


def format_of(source: SourceSpec, missing: tuple[str, ...] = ("",)) -> Format:
    """How the source's files are written; ``missing`` are the texts for null where it declares none."""
    nulls = {"", source.csv["null"]} if "null" in source.csv else missing
    return Format(source.csv.get("delimiter", ","), source.csv.get("quote", '"'), tuple(nulls))


def columns(file: Opened, csv: Mapping[str, str], place: Place) -> list[str]:
    """The names of its columns; reads its first line. Raises SourceError."""
    with _unpacked(file, place) as stream:
        return csvhead.read(stream, csv.get("delimiter", ","), csv.get("quote", '"'), place).names


def read(
    file: Opened, source: SourceSpec, window: Window, form: Format, place: Place
) -> Iterator[pl.DataFrame]:
    """Typed frames of one file. Raises SourceError."""
    reader = _File(file, source, form, place)
    done = 0
    # Where all rows are wanted, Arrow parses the floats itself: a third less time than casts from text.
    floats = _floats(source) if window.whole or not source.time_column else {}
    try:
        for raw in reader.batches(floats):
            here = place.at_rows(partial(reader.line, done))
            done += raw.height
            yield typed(raw, source, window, here)
        return
    except _NoFloatError:
        pass
    # The cast says what is wrong, and in how many rows, without a value; or knows a form that Arrow does not.
    behind = 0
    for raw in reader.batches({}):
        first, behind = behind, behind + raw.height
        if behind > done:
            passed = max(0, done - first)
            yield typed(raw[passed:], source, window, place.at_rows(partial(reader.line, first + passed)))


class _NoFloatError(Exception):
    """A column that is declared a float holds what Arrow takes for none, or maybe for another one."""


def _floats(source: SourceSpec) -> dict[str, pa.DataType]:
    import pyarrow as pa

    arrow_types = {ColumnType.FLOAT: pa.float64(), ColumnType.FLOAT32: pa.float32()}
    return {c.name: arrow_types[c.type] for c in source.schema if c.type in arrow_types}


class _File:
    """One file, of which the line of names was read. Raises SourceError."""

    def __init__(self, file: Opened, source: SourceSpec, form: Format, place: Place) -> None:
        self._file, self._source, self._form, self._place = file, source, form, place
        with self._opened() as stream:
            self._head = csvhead.read(stream, form.delimiter, form.quote, place)
        names = self._head.names
        casting.missing_columns(source.schema, names, place)
        twice = sorted({n for n in source.schema.names if names.count(n) > 1})
        if twice:
            raise place.error(
                f"the file has several columns called {', '.join(twice)}",
                "Rename them in the file.",
                "its columns:\n" + "\n".join(names),
            )
        if len(names) == 1 and (line := self._asked(csvlines.blank)) is not None:
            raise place.error(
                f"line {line} is blank, which in a file of one column is a missing value or no row",
                "Delete the line, or write a missing value as two quotes.",
            )

    def line(self, before: int, number: int) -> str:
        """The line of a row, in words: ``before`` is how many rows came before those that are counted."""
        found = self._asked(partial(csvlines.line_of, number=before + number))
        return "" if found is None else f"line {found}"

    def batches(self, floats: Mapping[str, pa.DataType]) -> Iterator[pl.DataFrame]:
        """The declared columns: ``floats`` in these Arrow types, all others as bytes.

        Raises SourceError, and _NoFloatError where a float may be another one, or none.
        """
        import pyarrow as pa

        form = self._form
        types = {name: floats.get(name, pa.binary()) for name in self._source.schema.names}
        parser = Parser(self._head.names, types, form.delimiter, form.quote, form.nulls)
        try:
            with self._opened() as stream:
                for raw, quoted in _joined(parser.tables(stream, self._head.size)):
                    if any(_is_suspect(raw.get_column(name)) for name in floats):
                        raise _NoFloatError
                    yield self._unquoted(raw, floats) if quoted else raw
        except (OpenQuoteError, BehindQuoteError):
            raise self._problem("the quotes of a row do not fit") from None
        except pa.ArrowException as error:
            if floats and "conversion error" in str(error):
                raise _NoFloatError from None
            raise self._problem(_said(error), str(error)) from None

    def _unquoted(self, raw: pl.DataFrame, floats: Mapping[str, pa.DataType]) -> pl.DataFrame:
        """Missing though in quotes: what is empty; and what means so, in a column that is no text."""
        missing = [pl.lit(text.encode()) for text in self._form.nulls]
        empty = [pl.lit(b"")]
        there = []
        for column in self._source.schema:
            if column.name not in floats:
                value = pl.col(column.name)
                none = (value == text for text in (empty if column.type in _TEXTS else missing))
                there.append(pl.when(~pl.any_horizontal(*none)).then(value).alias(column.name))
        return raw.with_columns(there)

    def _problem(self, otherwise: str, found: str = "") -> SourceError:
        """What is wrong in the file, and in which line if that is known."""
        problem = self._asked(csvlines.problem)
        if problem is None:
            return self._place.error(otherwise, _CORRECT, found)
        return self._place.error(f"line {problem.line}: {problem.what}", _CORRECT, found)

    def _asked(self, ask: Callable[[packed.Stream, str, str], _T]) -> _T:
        with self._opened() as stream:
            return ask(stream, self._form.delimiter, self._form.quote)

    def _opened(self) -> contextlib.AbstractContextManager[packed.Stream]:
        return _unpacked(self._file, self._place)


@contextlib.contextmanager
def _unpacked(file: Opened, place: Place) -> Iterator[packed.Stream]:
    """The file's contents, from their beginning."""
    try:
        with packed.opened(file.reading, file.path.suffix) as stream:
            yield stream
    except packed.PackedError as error:
        raise place.error(error.what, _AGAIN, error.found) from None
    except OSError as error:
        raise place.error(
            "the file cannot be read to its end", "Deliver the file again.", str(error)
        ) from None


def _is_suspect(floats: pl.Series) -> bool:
    """Whether a value is so large that it may be a whole number that was rounded, or is none at all."""
    return not (floats.abs() < SUSPECT[floats.dtype]).all()


def _joined(tables: Iterable[tuple[pa.Table, bool]]) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Arrow's tables may be of a few thousand rows; a frame costs the same for ten times as many."""
    waiting: list[pa.Table] = []
    rows, quoted = 0, False
    for table, may_be_quoted in tables:
        waiting.append(table)
        rows += table.num_rows
        quoted = quoted or may_be_quoted
        if rows >= _FRAME_ROWS:
            yield _frame(waiting), quoted
            waiting, rows, quoted = [], 0, False
    if waiting:
        yield _frame(waiting), quoted


def _frame(tables: list[pa.Table]) -> pl.DataFrame:
    import pyarrow as pa

    # Not made contiguous: whoever puts frames together to chunks copies them once, and that is enough.
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables), rechunk=False))


def _said(error: BaseException) -> str:
    # Arrow quotes the offending row: nothing of it is passed on.
    text = str(error)
    if "straddling object" in text:
        return f"a row is longer than {BLOCK // 2**20} MB: a quote is probably not closed"
    return "the file is not well-formed CSV" if "CSV" in text else "the file cannot be read to its end"
