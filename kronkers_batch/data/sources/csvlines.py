"""Where something lies in a CSV file, by its lines: read once more, slowly, when there is something to say
about it.

Python's own parser knows what a line has to be; it is not asked for values.
"""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypedDict

from kronkers_batch.data.sources.packed import Stream

_BLOCK = 2**20
LONGEST = 2**27
"""Bytes of a value up to which lines are looked for: where a quote stays open, all that follows is one."""


@dataclass(frozen=True)
class Record:
    """A row of the file, or the line of column names.

    Attributes:
        line: The number of its first line, from 1.
        fields: How many values it has; none where the line is blank.
    """

    line: int
    fields: int


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file, and in which line."""

    what: str
    line: int


class Dialect(TypedDict, total=False):
    """A form of files in the words of Python's parser."""

    delimiter: str
    strict: bool
    quotechar: str
    quoting: Literal[3]  # csv.QUOTE_NONE


def dialect(delimiter: str, quote: str) -> Dialect:
    """A form of files in the words of Python's parser, which refuses what it would have to guess."""
    form = Dialect(delimiter=delimiter, strict=True)
    if quote:
        form["quotechar"] = quote
    else:
        form["quoting"] = csv.QUOTE_NONE
    return form


def records(stream: Stream, delimiter: str, quote: str) -> Iterator[Record]:
    """Every row of a binary stream. Raises csv.Error, of which ``line`` of the last row is the place."""
    csv.field_size_limit(max(csv.field_size_limit(), min(LONGEST, sys.maxsize)))
    reader = csv.reader(_lines(stream), **dialect(delimiter, quote))
    line = 1
    for found in reader:
        yield Record(line, len(found))
        line = reader.line_num + 1


def line_of(stream: Stream, delimiter: str, quote: str, number: int) -> int | None:
    """The line of the row of this number, from 0, behind the line of names; None if it is not found."""
    rows = (record for record in records(stream, delimiter, quote) if record.fields)
    try:
        return next((r.line for i, r in enumerate(rows) if i == number + 1), None)
    except csv.Error:
        return None


def problem(stream: Stream, delimiter: str, quote: str) -> Problem | None:
    """The first row that is none, in words that hold nothing of the file."""
    names, line = 0, 1
    try:
        for record in records(stream, delimiter, quote):
            line = record.line + 1
            if record.fields and not names:
                names = record.fields
            elif record.fields and record.fields != names:
                said = f"a row has {record.fields} fields where the first line has {names}"
                return Problem(said, record.line)
    except csv.Error as error:
        return _strict(str(error), line)
    return None


def blank(stream: Stream, delimiter: str, quote: str) -> int | None:
    """The first blank line between or behind rows, the line of names among them; None without one."""
    named = False
    with contextlib.suppress(csv.Error):  # whoever parses the file finds that too
        for record in records(stream, delimiter, quote):
            if named and not record.fields:
                return record.line
            named = named or record.fields > 0
    return None


def _strict(said: str, line: int) -> Problem:
    if "unexpected end of data" in said or "field larger" in said:
        return Problem(
            "a quote is opened and never closed, so that all rows behind it would be one text", line
        )
    if "expected after" in said:
        return Problem("something stands behind a closing quote, where the value should end", line)
    return Problem("a row is no CSV", line)


def _lines(stream: Stream) -> Iterator[str]:
    """The lines of a stream with their ends, each byte as one letter."""
    rest = b""
    while data := stream.read(_BLOCK):
        lines = (rest + data).splitlines(keepends=True)
        # The last may go on; and of a line that ends with CR the LF may still come.
        rest = lines.pop()
        if len(rest) > LONGEST:
            raise csv.Error("field larger than is looked at")
        yield from (line.decode("latin-1") for line in lines)
    if rest:
        yield rest.decode("latin-1")
