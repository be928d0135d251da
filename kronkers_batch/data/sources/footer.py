"""What a Parquet file says about itself: its columns, and where each lies in each row group.

Read here, since Arrow's own way from Python to these entries ends the process where one is forged.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeVar

from kronkers_batch.data.sources.thrift import CompactError, Reader, Value

_T = TypeVar("_T")
BYTES, FIXED = 6, 7
"""The physical types of texts, and of values that are all of one length."""
_LARGEST = 2**28  # bytes of a footer; one of 1,000 columns and 1,000 row groups has about a quarter of that
_TIMESTAMP, _DATE = 8, 6
_INTEGERS = {1: 4, 2: 8}
_SCALES = {1: (1_000, 1), 2: (1, 1), 3: (1, 1_000)}
_DAY = (86_400_000_000, 1)


@dataclass(frozen=True)
class Leaf:
    """A column that is not part of another.

    Attributes:
        number: Which of the file's columns it is.
        physical: Its physical type, as the format numbers them.
        length: Bytes of each value, where they are all of one length.
        scale: What its integers are multiplied with and divided by to be microseconds; None for other types.
    """

    number: int
    physical: int
    length: int
    scale: tuple[int, int] | None


@dataclass(frozen=True)
class Chunk:
    """Where a column lies in a row group, and the first and last of its values if they are integers."""

    start: int
    size: int
    values: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Group:
    """A row group: how many rows it has, and the chunks of all its columns."""

    rows: int
    chunks: tuple[Chunk, ...]

    def chunk(self, leaf: Leaf) -> Chunk:
        """The chunk of a column, which has a value or a null for each row. Raises CompactError."""
        if leaf.number >= len(self.chunks) or self.chunks[leaf.number].values != self.rows:
            raise CompactError
        return self.chunks[leaf.number]


@dataclass(frozen=True)
class Footer:
    """The columns by name, and the row groups."""

    leaves: dict[str, Leaf]
    groups: tuple[Group, ...]


def read(descriptor: int) -> Footer:
    """The footer of an open file. Raises CompactError where it is none."""
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, 8, max(0, size - 8))
    length = int.from_bytes(end[:4], "little")
    if end[4:] != b"PAR1" or not 0 < length <= min(size - 12, _LARGEST):
        raise CompactError
    said = Reader(os.pread(descriptor, length, size - 8 - length)).struct()
    schema, groups = said.get(2), said.get(4, [])
    if not isinstance(schema, list) or not isinstance(groups, list):
        raise CompactError
    leaves = dict(_leaves(schema))
    return Footer(leaves, tuple(_group(group, size) for group in groups))


def _leaves(schema: list[Value]) -> list[tuple[str, Leaf]]:
    found = []
    number, position = 0, 1
    for _ in range(_count(schema[0] if schema else None)):
        first = position
        position, below = _skipped(schema, position)
        element = schema[first]
        if below == 1 and position == first + 1:
            found.append((_field(element, 4, bytes).decode(), _leaf(element, number)))
        number += below
    return found


def _skipped(schema: list[Value], position: int, depth: int = 0) -> tuple[int, int]:
    """Behind an element and all that is part of it; and how many columns these are."""
    if position >= len(schema) or depth > 64:
        raise CompactError
    children = _count(schema[position])
    position += 1
    if not children:
        return position, 1
    columns = 0
    for _ in range(children):
        position, below = _skipped(schema, position, depth + 1)
        columns += below
    return position, columns


def _leaf(element: Value, number: int) -> Leaf:
    physical, logical = _field(element, 1, int), _within(element, 10)
    scale = None
    if isinstance(logical, dict) and physical in _INTEGERS:
        if _DATE in logical:
            scale = _DAY
        elif isinstance(unit := _within(logical.get(_TIMESTAMP), 2), dict):
            scale = next((_SCALES[n] for n in unit if n in _SCALES), None)
    length = _within(element, 2)
    return Leaf(number, physical, length if isinstance(length, int) else 0, scale)


def _group(group: Value, size: int) -> Group:
    return Group(_field(group, 3, int), tuple(_chunk(column, size) for column in _field(group, 1, list)))


def _chunk(column: Value, size: int) -> Chunk:
    meta = _field(column, 3, dict)
    if _within(column, 1) is not None:  # the path of another file
        raise CompactError
    start, stored, values = (_field(meta, n, int) for n in (9, 7, 5))
    dictionary = meta.get(11)
    nowhere = start == 0 and values == 0  # Arrow writes of a table without rows that it has no page of values
    if isinstance(dictionary, int) and (0 < dictionary < start or nowhere):
        start = dictionary
    if start < 4 or stored < 0 or values < 0 or start + stored > size - 8:
        raise CompactError
    first, last = _limits(meta.get(12), _INTEGERS.get(_field(meta, 1, int)))
    return Chunk(start, stored, values, first, last)


def _limits(statistics: Value | None, width: int | None) -> tuple[int | None, int | None]:
    if not isinstance(statistics, dict) or width is None:
        return None, None
    for low, high in ((6, 5), (2, 1)):
        first, last = statistics.get(low), statistics.get(high)
        if isinstance(first, bytes) and isinstance(last, bytes) and len(first) == len(last) == width:
            return int.from_bytes(first, "little", signed=True), int.from_bytes(last, "little", signed=True)
    return None, None


def _count(element: Value | None) -> int:
    children = element.get(5, 0) if isinstance(element, dict) else None
    if not isinstance(children, int) or children < 0:
        raise CompactError
    return children


def _within(element: Value | None, number: int) -> Value | None:
    """A field of a structure; None where it is absent, or where there is no structure."""
    return element.get(number) if isinstance(element, dict) else None


def _field(element: Value | None, number: int, kind: type[_T]) -> _T:
    value = _within(element, number)
    if type(value) is not kind:
        raise CompactError
    return value
