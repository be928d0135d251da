"""The line of column names of a CSV file: the names, and where the rows begin behind it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from kronkers_batch.data.sources import packed
from kronkers_batch.data.sources.csvlines import dialect
from kronkers_batch.data.sources.place import Place

LONGEST = 2**20  # bytes: a first line that is longer is not one
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FIX = "Correct the file, or `csv: {delimiter, quote}` of the source."


@dataclass(frozen=True)
class Head:
    """The names of the columns, in order, and how many bytes stand before the first row."""

    names: list[str]
    size: int


def read(stream: packed.Stream, delimiter: str, quote: str, place: Place) -> Head:
    """Of a binary stream that stands at its beginning; blank lines before the names are passed over.

    Raises SourceError, and what reading raises.
    """
    start = stream.read(LONGEST)
    _refuse_other_kinds(start, place)
    bom = len(_BOM) if start.startswith(_BOM) else 0
    read: list[int] = [bom]
    try:
        rows = csv.reader(_lines(start[bom:], read), **dialect(delimiter, quote))
        found = next((row for row in rows if row), [])
    except csv.Error as error:
        raise place.error(
            "the line of column names is not valid CSV, or has a name that is too long", _FIX, str(error)
        ) from None
    if read[0] >= LONGEST:
        raise place.error("the line of column names is longer than 1 MB, or does not end", _FIX)
    try:
        names = [name.encode("latin-1").decode() for name in found]
    except UnicodeDecodeError:
        text = delimiter.join(found).encode("latin-1").decode(errors="backslashreplace")
        raise place.error("the line of column names is not UTF-8", "Save the file as UTF-8.", text) from None
    if not any(names):
        raise place.error(
            "the file is empty: it has not even column names", "Deliver the file again, or remove it."
        )
    return Head(names, read[0])


def _lines(start: bytes, read: list[int]) -> Iterator[str]:
    """The lines with their ends, each byte as one letter; ``read`` counts the bytes of those taken."""
    for line in start.splitlines(keepends=True):
        read[0] += len(line)
        yield line.decode("latin-1")


def _refuse_other_kinds(start: bytes, place: Place) -> None:
    if what := packed.known(start):
        raise place.error(
            f"the file is not a CSV file: it is {what}",
            "Rename it to what it is, such as .csv.gz or .csv.zip, or save it as CSV.",
        )
    if start.startswith(_UTF16) or b"\0" in start[:1_000]:
        raise place.error("the file is not UTF-8, but UTF-16 or no text at all", "Save the file as UTF-8.")
