"""Thrift's compact protocol, in which Parquet files say what is in them."""

from __future__ import annotations

from typing import TypeAlias

_DEPTH = 16

Value: TypeAlias = "int | bytes | list[Value] | dict[int, Value]"
"""What a field holds; a field that is true or false is an integer too."""


class CompactError(ValueError):
    """The bytes are no structure."""


class ShortError(CompactError):
    """The structure goes on behind the bytes."""


class Reader:
    """Reads structures, as mappings of their fields' numbers to integers, bytes, lists and mappings."""

    def __init__(self, data: bytes) -> None:
        self._data, self.position = data, 0

    def struct(self, depth: int = 0) -> dict[int, Value]:
        """The next structure. Raises CompactError."""
        if depth > _DEPTH:
            raise CompactError
        found: dict[int, Value] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._signed()
            kind &= 0x0F
            # A field that is true or false says so by its type alone.
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _byte(self) -> int:
        if self.position >= len(self._data):
            raise ShortError
        value = self._data[self.position]
        self.position += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise CompactError
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _bytes(self, length: int) -> bytes:
        if length > len(self._data) - self.position:
            raise ShortError
        self.position += length
        return self._data[self.position - length : self.position]

    def _value(self, kind: int, depth: int) -> Value:
        match kind:
            case 1 | 2 | 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._unsigned())
            case 9 | 10:
                return self._list(depth)
            case 12:
                return self.struct(depth + 1)
        raise CompactError  # the format has no maps

    def _list(self, depth: int) -> list[Value]:
        if depth > _DEPTH:
            raise CompactError
        head = self._byte()
        length = head >> 4 if head >> 4 != 15 else self._unsigned()
        # Each element takes a byte or more, so that the data bounds the loop.
        return [self._value(head & 0x0F, depth + 1) for _ in range(length)]
