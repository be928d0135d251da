"""CSV files (plain, ``.gz`` or ``.zip``), streamed by Arrow as bytes and then cast strictly.

Arrow is told that every column is bytes, so that no type is ever guessed from the first rows.
"""

from __future__ import annotations

import contextlib
import csv
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import within
from kronkers_batch.data.window import Window

# Bytes read at a time, and the longest row there may be. Arrow reads up to 32 blocks ahead.
_BLOCK = 2**20
_HEADER = 2**20  # a first line longer than this is not one


@dataclass(frozen=True)
class Format:
    """How a file is written: delimiter, quote, and the texts that mean a missing value."""

    delimiter: str
    quote: str
    nulls: tuple[str, ...]


def read(
    path: Path, source: SourceSpec, window: Window, form: Format, place: Place
) -> Iterator[pl.DataFrame]:
    """Typed frames of one file. Raises SourceError."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = _header(path, form, place)
    casting.missing_columns(source.schema, names, place)
    twice = sorted({n for n in source.schema.names if names.count(n) > 1})
    if twice:
        raise place.error(
            f"the file has several columns called {', '.join(twice)}", "Rename them in the file."
        )
    try:
        with _opened(path, place) as stream:
            batches = arrow.open_csv(
                stream,
                read_options=arrow.ReadOptions(block_size=_BLOCK),
                parse_options=arrow.ParseOptions(
                    delimiter=form.delimiter, quote_char=form.quote or False, newlines_in_values=True
                ),
                convert_options=arrow.ConvertOptions(
                    check_utf8=False,
                    column_types={n: pa.binary() for n in source.schema.names},
                    null_values=list(form.nulls),
                    strings_can_be_null=True,
                    include_columns=list(source.schema.names),
                ),
            )
            for batch in batches:
                raw = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                yield _typed(raw, source, window, place)
    except (pa.ArrowException, zipfile.BadZipFile, EOFError, OSError) as error:
        raise place.error(
            _said(error), "Correct the file, or `csv: {delimiter, quote}` of the source."
        ) from None


def _typed(raw: pl.DataFrame, source: SourceSpec, window: Window, place: Place) -> pl.DataFrame:
    if window.whole or not source.time_column:
        return casting.cast_frame(raw, source.schema, place)
    # The time is cast first: only rows in the window are worth casting, which most nights are a few.
    time = casting.cast(raw.get_column(source.time_column), source.schema[source.time_column], place)
    inside = within(
        pl.DataFrame({source.time_column: time}).with_row_index("row"), source.time_column, window
    )
    return casting.cast_frame(raw[inside.get_column("row")], source.schema, place)


@contextlib.contextmanager
def _opened(path: Path, place: Place) -> Iterator[IO[bytes] | Any]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.namelist() if not m.endswith("/")]
            if len(members) != 1:
                raise place.error(
                    f"the archive holds {len(members)} files", "It must hold exactly one CSV file."
                )
            with archive.open(members[0]) as member:
                yield member
        return
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as stream:
        yield stream


def _header(path: Path, form: Format, place: Place) -> list[str]:
    try:
        with _opened(path, place) as stream:
            start = stream.read(_HEADER)
    except (OSError, EOFError, zipfile.BadZipFile):
        raise place.error("the file cannot be read", "Deliver the file again.") from None
    try:
        lines = start.splitlines()
        first = lines[0].decode("utf-8-sig") if lines else ""
    except UnicodeDecodeError:
        raise place.error("the line of column names is not UTF-8", "Save the file as UTF-8.") from None
    options: dict[str, Any] = {"quotechar": form.quote} if form.quote else {"quoting": csv.QUOTE_NONE}
    names = next(csv.reader([first], delimiter=form.delimiter, **options), [])
    if not any(names):
        raise place.error("the file is empty: not even column names", "Deliver it again, or remove it.")
    return names


def _said(error: BaseException) -> str:
    # Arrow quotes the offending row; only its numbers are passed on.
    text = str(error)
    if counted := re.search(r"Expected (\d+) columns, got (\d+)", text):
        return f"a row has {counted[2]} fields where the first line has {counted[1]}"
    if "straddling object" in text:
        return f"a row is longer than {_BLOCK // 2**20} MB: a quote is probably not closed"
    return "the file is not well-formed CSV" if "CSV" in text else "the file cannot be read to its end"
