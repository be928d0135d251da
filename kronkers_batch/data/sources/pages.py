"""The pages of a Parquet file, looked at before anything reads them: none lies outside, none is a bomb.

A page says how large it is when it is decompressed, and a reader believes it. A page of a few bytes may ask
so for 2 GB, and a text that is written once may stand for a million rows. Here only the headers are read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from kronkers_batch.data.sources.footer import Chunk
from kronkers_batch.data.sources.thrift import CompactError, Reader, ShortError, Value

PAGE = 256 * 2**20
"""Bytes that a page may have once it is decompressed; writers make pages of about 1 MB."""
_HEADERS = (1_024, 2**16, 2**24)  # bytes that are tried for a header, which may hold texts
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_REPEATING = frozenset({2, 8})  # encodings in which a row names a text that stands elsewhere
_DELTA = 7  # the encoding in which a text begins as the one before


@dataclass(frozen=True)
class Pages:
    """What the pages of one column in one row group hold.

    Attributes:
        dictionary: Whether a value that is written once may stand in many rows.
        delta: Bytes of the largest page in which a value may repeat the beginning of the one before; else 0.
    """

    dictionary: bool
    delta: int


def walk(descriptor: int, chunk: Chunk) -> Pages:
    """Looks at each page of a column in a row group of an open file. Raises CompactError."""
    position, end = chunk.start, chunk.start + chunk.size
    values, dictionary, delta = 0, False, 0
    while position < end:
        header, length = _header(descriptor, position, end)
        kind, size, stored = (header.get(n) for n in (1, 2, 3))
        if not isinstance(size, int) or not isinstance(stored, int) or not 0 <= size <= PAGE or stored < 0:
            raise CompactError
        position += length + stored
        if kind == _DICTIONARY:
            dictionary = True
        elif kind in (_DATA, _DATA_V2):
            said = header.get(5 if kind == _DATA else 8)
            count = said.get(1) if isinstance(said, dict) else None
            if not isinstance(said, dict) or not isinstance(count, int) or count < 0:
                raise CompactError
            encoding = said.get(2 if kind == _DATA else 4)
            values += count
            delta = max(delta, size if encoding == _DELTA else 0)
            dictionary = dictionary or encoding in _REPEATING
    # A reader stops after as many values as the footer says, and would leave out what comes behind.
    if values != chunk.values or position != end:
        raise CompactError
    return Pages(dictionary, delta)


def _header(descriptor: int, position: int, end: int) -> tuple[dict[int, Value], int]:
    """The fields of a page's header by number, and its length."""
    for size in _HEADERS:
        data = os.pread(descriptor, min(size, end - position), position)
        reader = Reader(data)
        try:
            return reader.struct(), reader.position
        except ShortError:
            if len(data) < size:
                raise
    raise CompactError
