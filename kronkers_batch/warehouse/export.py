"""Decrypted rows to a file or a terminal, because a person asked: the one place that writes clear data.

A file appears whole or not at all, readable by its owner only, and replaces another only when asked. In CSV
and Excel a text that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from kronkers_batch import private, texts
from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.warehouse import holding

if TYPE_CHECKING:
    import polars as pl

# What LibreOffice and Excel take for the beginning of a formula, or pass over before one.
_FORMULA = r"^[\s]*[=+\-@|%]|^[\t\r\n]"
_EXCEL_ROWS = 1_048_575
_EXCEL_COLUMNS = 16_384
_WIDEST = 32  # characters of a text cell on a terminal


class Out(Protocol):
    """Where printed rows go."""

    def write(self, text: str, /) -> int:
        """Takes a text, its line ends included."""


Writer = Callable[[Iterator["pl.DataFrame"], IO[bytes]], int]


def write(
    frames: Iterable[pl.DataFrame],
    path: Path,
    *,
    force: bool = False,
    judge: Callable[[str], None] = lambda _real: None,
) -> int:
    """Writes the rows, in clear; the format is the suffix.

    Args:
        frames: At least one, all with the same columns.
        path: ``.csv``, ``.parquet``, ``.xlsx``, ``.json`` (one array) or ``.jsonl`` (one object a line).
        force: Replaces a file that is there.
        judge: Is given the path where the file will really lie, and raises where none may.

    Returns:
        The number of rows.

    Raises UsageError on another suffix, on a file that is there, and on what the format does not hold;
    StoreError where it cannot be written. Nothing half-written stays.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UsageError(
            f"cannot write {path.suffix or 'a file without a suffix'!r}", where=str(path), fix=_FIX
        )
    with whole_file(path, force=force, judge=judge) as file:
        return writer(iter(frames), file)


@contextlib.contextmanager
def whole_file(
    path: Path, *, force: bool = False, judge: Callable[[str], None] = lambda _real: None
) -> Iterator[IO[bytes]]:
    """A file that is to be written in clear; it appears whole at the end of the block, or not at all.

    Args and errors are those of :func:`write`.
    """
    if path.exists() and (path.is_dir() or not force):
        raise UsageError(
            "the file exists already",
            where=str(path),
            fix="Choose another file, or overwrite it with --force.",
        )
    try:
        with private.writing(path, over=force, prefix=f".{path.name}.unfinished-", judge=judge) as file:
            yield file
    except FileExistsError:
        raise UsageError("the file exists already", where=str(path), fix="Choose another file.") from None
    except OSError as error:
        if not path.parent.is_dir():
            fix = f"Make the folder {path.parent}, or choose another path."
            raise UsageError("there is no such folder", where=str(path), fix=fix) from None
        raise StoreError(
            f"the file cannot be written: {os.strerror(error.errno or 0)}", where=str(path)
        ) from error


def print_json_rows(frames: Iterable[pl.DataFrame], file: Out, *, limit: int | None = None) -> int:
    """One JSON object a line, at most ``limit`` where there is one; streams. Returns the number of rows."""
    count = 0
    for frame in frames:
        some = frame if limit is None else frame.head(limit - count)
        holding.refuse_for_json(some)
        file.write(some.write_ndjson())
        count += some.height
        if count == limit:
            break
    return count


def print_table(frames: Iterable[pl.DataFrame], file: Out, *, limit: int = 20) -> int:
    """A table of at most ``limit`` rows with every column, and how many more there are; returns all rows."""
    import polars as pl

    shown: pl.DataFrame | None = None
    count = 0
    for frame in frames:
        count += frame.height
        if shown is None or shown.height < limit:
            shown = frame.head(limit) if shown is None else pl.concat([shown, frame]).head(limit)
    if shown is None:
        return 0
    file.write(_table(shown))
    if count > shown.height:
        file.write(f"... and {count - shown.height:,} more rows; --to FILE writes them all\n")
    return count


def _table(frame: pl.DataFrame) -> str:
    """Columns side by side, numbers to the right; wider than the terminal rather than without some."""
    columns = []
    for series in frame.iter_columns():
        cells = [texts.visible(series.name, lines=False), *(_cell(value) for value in series.to_list())]
        width = max(map(len, cells))
        right = series.dtype.is_numeric()
        columns.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
    return "".join("  ".join(row).rstrip() + "\n" for row in zip(*columns, strict=True))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else texts.visible(str(value), lines=False)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


# ------------------------------------------------------------ files


def _csv(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    count = 0
    for number, frame in enumerate(frames):
        holding.refuse_types(frame)
        safe = _harmless(frame)
        safe.write_csv(file, include_header=number == 0)
        count += frame.height
    return count


def _parquet(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    import polars as pl
    import pyarrow.parquet as pq

    level = pl.CompatLevel.oldest()
    first = next(frames).to_arrow(compat_level=level)
    count = 0
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        for table in chain([first], (frame.to_arrow(compat_level=level) for frame in frames)):
            writer.write_table(table.cast(first.schema))
            count += table.num_rows
    return count


def _json(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    count = 0
    file.write(b"[")
    for frame in frames:
        holding.refuse_for_json(frame)
        for line in frame.write_ndjson().splitlines():
            file.write(b",\n" if count else b"\n")
            file.write(line.encode())
            count += 1
    file.write(b"\n]\n")
    return count


def _json_lines(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    count = 0
    for frame in frames:
        holding.refuse_for_json(frame)
        frame.write_ndjson(file)
        count += frame.height
    return count


def _excel(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    import polars as pl
    import xlsxwriter

    whole: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        holding.refuse_for_excel(frame)
        whole.append(frame)
        count += frame.height
        if count > _EXCEL_ROWS or frame.width > _EXCEL_COLUMNS:
            raise UsageError(
                f"a sheet of Excel holds {_EXCEL_ROWS:,} rows and {_EXCEL_COLUMNS:,} columns",
                fix="Write .csv or .parquet, or read one date.",
            )
    table = _harmless(pl.concat(whole))
    zoned = [name for name, kind in table.schema.items() if isinstance(kind, pl.Datetime)]
    # Excel knows no zones; times are UTC, as the column names cannot say.
    table = table.with_columns(pl.col(zoned).dt.replace_time_zone(None))
    # in_memory: xlsxwriter's own temporary files would lie in clear, and stay after a kill.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(file, options) as book:
        table.write_excel(book, worksheet="rows")
    return count


def _harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts, and names of columns, that would begin a formula get an apostrophe in front."""
    import polars as pl
    import polars.selectors as cs

    text = cs.string() | cs.categorical() | cs.enum()
    escaped = pl.when(text.cast(pl.String).str.contains(_FORMULA))
    safe = frame.with_columns(
        escaped.then(pl.lit("'") + text.cast(pl.String)).otherwise(text.cast(pl.String)).name.keep()
    )
    names = pl.Series(frame.columns, dtype=pl.String)
    marked = names.str.contains(_FORMULA).to_list()
    return safe.rename({n: f"'{n}" for n, mark in zip(names, marked, strict=True) if mark})


_WRITERS: dict[str, Writer] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".xlsx": _excel,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
_FIX = "Write one of: " + ", ".join(_WRITERS)
