"""The pages of a Parquet file, looked at before anything reads them: none lies outside, none is a bomb.

A page says how large it is when it is decompressed, and a reader believes it. A page of a few bytes may ask
so for 2 GB, and a text that is written once may stand for a million rows. Here only the headers are read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

PAGE = 256 * 2**20
"""Bytes that a page may have once it is decompressed; writers make pages of about 1 MB."""
_HEADERS = (1_024, 2**16, 2**24)  # bytes that are tried for a header, which may hold texts
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_REPEATING = frozenset({2, 8})  # encodings in which a row names a text that stands elsewhere
_DELTA = 7  # the encoding in which a text begins as the one before


class PageError(Exception):
    """The pages of a file are not where, or not what, it says."""


@dataclass(frozen=True)
class Chunk:
    """What the pages of one column in one row group hold.

    Attributes:
        dictionary: Whether a value that is written once may stand in many rows.
        delta: Bytes of the largest page in which a value may repeat the beginning of the one before; else 0.
    """

    dictionary: bool
    delta: int


def walk(descriptor: int, column: Any) -> Chunk:
    """Looks at each page of a column chunk. Raises PageError.

    Args:
        descriptor: The open file.
        column: The chunk's entry in the file's metadata, of pyarrow.
    """
    start = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
        start = column.dictionary_page_offset
    end = start + column.total_compressed_size
    if start < 4 or column.total_compressed_size < 0 or end > os.fstat(descriptor).st_size - 8:
        raise PageError
    position, values, dictionary, delta = start, 0, False, 0
    while position < end and values < column.num_values:
        header, length = _header(descriptor, position, end)
        kind, size, stored = (header.get(n) for n in (1, 2, 3))
        position += length + (stored if isinstance(stored, int) and stored >= 0 else end)
        if not isinstance(size, int) or not 0 <= size <= PAGE or position > end:
            raise PageError
        if kind in (_DATA, _DATA_V2):
            said = header.get(5 if kind == _DATA else 8)
            count, encoding = (said.get(1), said.get(2 if kind == _DATA else 4)) if said else (None, None)
            if not isinstance(count, int) or count < 0:
                raise PageError
            values += count
            delta = max(delta, size if encoding == _DELTA else 0)
            dictionary = dictionary or encoding in _REPEATING
        elif kind == _DICTIONARY:
            dictionary = True
    if values < column.num_values:
        raise PageError
    return Chunk(dictionary, delta)


def _header(descriptor: int, position: int, end: int) -> tuple[dict[int, Any], int]:
    """The fields of a page's header by number, and its length."""
    for size in _HEADERS:
        data = os.pread(descriptor, min(size, end - position), position)
        reader = _Compact(data)
        try:
            return reader.struct(0), reader.position
        except IndexError:
            if len(data) < size:
                break
    raise PageError


class _Compact:
    """Reads a structure of Thrift's compact protocol. Raises IndexError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._data, self.position = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        """Fields by number: integers and structures; of all else only that it is there."""
        if depth > 4:
            raise PageError
        found: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._signed()
            found[number] = self._value(kind & 0x0F, depth)
        return found

    def _byte(self) -> int:
        value = self._data[self.position]
        self.position += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise PageError

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                self.position += 8
            case 8:
                length = self._unsigned()
                self.position += length
            case 12:
                return self.struct(depth + 1)
            case _:
                raise PageError  # no header of a page has lists or maps
        if self.position > len(self._data):
            raise IndexError
        return None
