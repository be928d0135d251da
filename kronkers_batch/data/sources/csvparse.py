"""Arrow's CSV parser on several threads, where the ends of rows are known without parsing.

Arrow parses a stream on one thread, and on the reader's own. But where no quote occurs, each line break ends
a row, so that segments of the file may be parsed beside each other. From the first quote on, and where a
stream cannot go back, it is parsed as one stream. Rows come in the file's order either way.

Arrow takes a quote that is never closed for the start of a long text, and all rows after it for that text's
lines. So a row of our own is laid behind the last one, and has to come out of the parser again. What Arrow
makes of text behind a closing quote is looked at by ``csvquotes``.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kronkers_batch.ahead import by_threads
from kronkers_batch.data.sources.csvquotes import BehindQuoteError, Quotes
from kronkers_batch.data.sources.packed import Stream

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.csv import InvalidRow

BLOCK = 2**20
"""Bytes that Arrow parses at a time, and the longest row there may be."""
_SEGMENT = 8 * BLOCK
_THREADS = min(os.cpu_count() or 1, 4)


class OpenQuoteError(Exception):
    """The file ends within a quoted text."""


class Parser:
    """Parses files of one form.

    Args:
        names: All columns of the file, in order, as its first line has them.
        types: The wanted columns and their Arrow types.
        delimiter: One character.
        quote: One character, or empty for none.
        nulls: Texts that mean a missing value where no quotes are around them.
    """

    def __init__(
        self,
        names: Sequence[str],
        types: dict[str, pa.DataType],
        delimiter: str,
        quote: str,
        nulls: Sequence[str],
    ) -> None:
        from pyarrow import csv

        self._names, self._quote, self._delimiter = list(names), quote.encode(), delimiter
        # It has a field too many, and a text that no file has.
        self._last = uuid.uuid4().hex + delimiter * len(self._names)
        self._came_out = False
        parse = csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote or False,
            newlines_in_values=True,
            invalid_row_handler=self._refused,
        )
        convert = csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            null_values=list(nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=list(types),
        )
        self._parse, self._convert = parse, convert

    def tables(self, source: Stream, start: int) -> Iterator[tuple[pa.Table, bool]]:
        """Arrow tables of all rows, in order, of a binary stream, whose first row begins at ``start``.

        With each whether there may be quotes in it. Raises ArrowException, OpenQuoteError, BehindQuoteError,
        and what reading raises.
        """
        if source.seekable():
            source.seek(start)
            tables = by_threads(self._segments(source), self._segment, _THREADS, "csv", _THREADS)
            yield from ((table, False) for table in tables)
        else:
            while start and (passed := source.read(min(start, BLOCK))):
                start -= len(passed)
        if first := source.read(1):
            yield from ((table, bool(self._quote)) for table in self._stream(source, first))

    def _quoted(self, raw: bytes) -> bool:
        return bool(self._quote) and self._quote in raw

    def _segments(self, source: Stream) -> Iterator[bytes]:
        """Whole rows up to the first quote; then the stream stands where the next row begins."""
        start, carried = source.tell(), b""  # where the first row begins that no segment has yet
        while data := source.read(_SEGMENT):
            cut = data.rfind(b"\n") + 1
            if not cut or self._quoted(data):
                source.seek(start)
                return
            segment, carried = carried + data[:cut], data[cut:]
            start += len(segment)
            yield segment
        if carried:  # the last line need not end
            yield carried

    def _segment(self, raw: bytes) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv

        reading = csv.ReadOptions(column_names=self._names, block_size=BLOCK, use_threads=False)
        segment: Any = pa.BufferReader(raw)
        return csv.read_csv(segment, reading, self._parse, self._convert)

    def _stream(self, source: Stream, first: bytes) -> Iterator[pa.Table]:
        """Tables of the rows up to the stream's end; ``first`` was read of it already."""
        import pyarrow as pa
        from pyarrow import csv

        reading = csv.ReadOptions(column_names=self._names, block_size=BLOCK)
        self._came_out = False
        quotes = Quotes(self._quote.decode(), self._delimiter) if self._quote else None
        followed: Any = _Followed(first, source, f"\n{self._last}\n".encode(), quotes)
        try:
            for batch in csv.open_csv(followed, reading, self._parse, self._convert):
                yield pa.Table.from_batches([batch])
        except pa.ArrowException:
            if followed.behind:  # Arrow has another word for it
                raise BehindQuoteError from None
            raise
        if not self._came_out:
            raise OpenQuoteError

    def _refused(self, row: InvalidRow) -> Literal["skip", "error"]:
        """What becomes of a row with more or fewer fields than there are names."""
        if row.text != self._last:
            return "error"
        self._came_out = True
        return "skip"


class _Followed(io.RawIOBase):
    """A binary stream with something before and behind it, whose quotes are looked at while it is read.

    Attributes:
        behind: Whether something stood behind a closing quote; then nothing more is read.
    """

    def __init__(self, first: bytes, source: Stream, last: bytes, quotes: Quotes | None) -> None:
        self._first, self._source, self._last, self._quotes = first, source, last, quotes
        self.behind = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer; none at the end. Raises BehindQuoteError."""
        # Together: where Arrow's first block is short, its longest row is too.
        data: bytes = self._first + self._source.read(size - len(self._first) if size > 0 else size)
        self._first = b""
        if not data:
            data, self._last = self._last, b""
        if self._quotes is not None:
            try:
                self._quotes.feed(data)
            except BehindQuoteError:
                self.behind = True
                raise
        return data
