"""Frames between this process and a worker: a text header, then each column's little-endian buffers.

The format is specified in ``docs/reference/worker-protocol.md``. :func:`encode` copies no column without nulls
or conversions. :func:`decode` treats what it reads as hostile: it allocates nothing that the caller did not
expect, and every count, code and length is checked before use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import Column, ColumnType, Schema

OTHER = "(other)"
"""The extra last level that stands for unseen levels, where those are declared to become ``other``."""

INT32_MIN, INT64_MIN = -(2**31), -(2**63)
EXACT = 2**53
"""Whole numbers up to here are exact in a float64."""

Buffer = bytes | memoryview
_PLAIN = re.compile(r"[A-Za-z0-9._~\-]*")


class WireError(ValueError):
    """The other side broke the format. The message says how, without any of its bytes."""


class Reader(Protocol):
    """Where a frame is read from. Both raise :class:`WireError` or the reader's own error at a sudden end."""

    def line(self) -> bytes:
        """The next line without its LF; bounded."""

    def exactly(self, size: int) -> bytearray:
        """The next ``size`` bytes."""


@dataclass(frozen=True)
class Expected:
    """What a frame that is read must look like: these columns in this order, so many rows."""

    names: tuple[str, ...]
    rows: int
    text_bytes: int = 16 * 2**20  # bound on the levels of one column, besides 256 bytes a row


def quoted(text: str) -> str:
    """``text`` percent-encoded, as every name and value on the wire."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


def unquoted(raw: bytes) -> str:
    """The inverse of :func:`quoted`. Raises WireError where the bytes are no UTF-8."""
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise WireError("a text is not UTF-8") from None


def wire_levels(column: Column, unseen: str) -> tuple[str, ...]:
    """The levels of a category as the model sees them: always the same, in the same order."""
    if unseen != "other":
        return column.levels
    return (*(level for level in column.levels if level != OTHER), OTHER)


# ---------------------------------------------------------------- encode


def encode(df: pl.DataFrame, schema: Schema, *, int64: bool, unseen: str) -> list[Buffer]:
    """``df`` as the buffers of one frame, to be written one after the other.

    Args:
        df: At least the columns of ``schema``, in its types.
        schema: Which columns, in which order; categories with their levels.
        int64: Whether the language holds 64-bit integers.
        unseen: What a level that is not in the schema becomes: ``missing``, ``other`` or ``error``.

    Raises:
        DataError: A value cannot be held in the language, or a level is not known and that is an error.
    """
    header = [f"frame\t{len(schema)}\t{df.height}\n"]
    body: list[Buffer] = []
    for column in schema:
        series = df.get_column(column.name)
        kind, values, mask, nulls, levels = _encode_column(series.rechunk(), column, int64, unseen)
        text = "".join(quoted(level) + "\n" for level in levels).encode()
        header.append(
            f"{quoted(column.name)}\t{kind}\t{nulls}\t{values.nbytes}\t{len(levels)}\t{len(text)}\n"
        )
        parts = [memoryview(values).cast("B") if values.size else b"", mask, text]
        body += [part for part in parts if len(part)]
    return ["".join(header).encode(), *body]


_Encoded = tuple[str, NDArray[np.generic], Buffer, int, Sequence[str]]


def _encode_column(series: pl.Series, column: Column, int64: bool, unseen: str) -> _Encoded:
    nulls = series.null_count()
    if column.type is ColumnType.CATEGORY:
        return _encode_category(series, column, unseen)
    if column.type is ColumnType.STRING:
        levels = series.drop_nulls().unique(maintain_order=True)
        codes = _codes(series.cast(pl.Enum(levels)))
        return "s4", codes, b"", nulls, levels.to_list()
    mask: Buffer = memoryview(series.is_null().cast(pl.UInt8).to_numpy()) if nulls else b""
    kind, filled = _fill(series, column, int64)
    return kind, np.ascontiguousarray(filled.to_numpy()), mask, nulls, ()


def _fill(series: pl.Series, column: Column, int64: bool) -> tuple[str, pl.Series]:
    """The wire type of a column without levels, and its values with something under every null."""
    match column.type:
        case ColumnType.FLOAT:
            return "f8", series.fill_null(float("nan"))
        case ColumnType.FLOAT32:
            return "f4", series.fill_null(float("nan"))
        case ColumnType.BOOLEAN:
            return "b1", series.cast(pl.UInt8).fill_null(0)
        case ColumnType.INTEGER if int64:
            return "i8", series.fill_null(INT64_MIN)
        case ColumnType.INTEGER:
            too_large = int((~series.is_between(-EXACT, EXACT)).sum())
            _refuse(too_large, column, "are beyond 2^53, which this language cannot hold exactly")
            return "f8", series.cast(pl.Float64).fill_null(float("nan"))
        case ColumnType.TIMESTAMP if int64:
            return "t8", series.to_physical().fill_null(INT64_MIN)
        case ColumnType.TIMESTAMP:
            return "ts", (series.to_physical().cast(pl.Float64) / 1e6).fill_null(float("nan"))
        case ColumnType.INT32 | ColumnType.DATE:
            physical = series.to_physical()
            if not int64:
                lowest = int((physical == INT32_MIN).sum())
                _refuse(lowest, column, "are -2147483648, which means 'missing' in this language")
            return "i4" if column.type is ColumnType.INT32 else "d4", physical.fill_null(INT32_MIN)
    raise AssertionError(column.type)


def _encode_category(series: pl.Series, column: Column, unseen: str) -> _Encoded:
    levels = wire_levels(column, unseen)
    known = series.cast(pl.Enum(levels), strict=False)
    lost = known.null_count() - series.null_count()
    if lost and unseen == "error":
        raise DataError(
            f"column '{column.name}': {lost:,} of {len(series):,} rows have a level that was not seen in training",
            fix="train again on data with these levels, or declare what becomes of them (unseen: missing or other)",
        )
    codes = _codes(known)
    if lost and unseen == "other":
        codes[(known.is_null() & series.is_not_null()).to_numpy()] = len(levels)
        lost = 0
    return "c4", codes, b"", series.null_count() + lost, levels


def _codes(series: pl.Series) -> NDArray[np.int32]:
    codes = series.to_physical().cast(pl.Int32) + 1
    return np.array(codes.fill_null(INT32_MIN).to_numpy(), dtype=np.int32)


def _refuse(count: int, column: Column, why: str) -> None:
    if count:
        raise DataError(
            f"column '{column.name}': {count:,} values {why}",
            fix=f"declare '{column.name}' as float or string, or leave it out of the features",
        )


# ---------------------------------------------------------------- decode

_DTYPES = {
    "f8": "<f8",
    "f4": "<f4",
    "i8": "<i8",
    "i4": "<i4",
    "b1": "u1",
    "d4": "<i4",
    "t8": "<i8",
    "ts": "<f8",
    "c4": "<i4",
    "s4": "<i4",
}
_FINISH: dict[str, Callable[[pl.Series], pl.Series]] = {
    "b1": lambda s: s.cast(pl.Boolean),
    "d4": lambda s: s.cast(pl.Date),
    "t8": lambda s: s.cast(pl.Datetime("us", "UTC")),
    "ts": lambda s: (s * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
}


@dataclass(frozen=True)
class _Header:
    name: str
    kind: str
    nulls: int
    size: int
    levels: int
    level_bytes: int


def decode(reader: Reader, first: bytes, expected: Expected) -> pl.DataFrame:
    """The frame that ``reader`` holds next.

    Args:
        reader: The worker's answers.
        first: The frame's first line, already read (it tells a frame from a blob).
        expected: The columns and rows that it must have.

    Raises:
        WireError: It is not a frame of this format, or has other columns or rows.
    """
    columns, rows = _counts(first, "frame", 2)
    if columns != len(expected.names):
        raise WireError(f"{columns:,} columns instead of {len(expected.names):,}")
    headers = [_header(reader.line()) for _ in range(columns)]
    names = tuple(h.name for h in headers)
    if names != expected.names:
        raise WireError("the columns are not the declared ones: " + ", ".join(expected.names))
    if rows != expected.rows:
        raise WireError(f"{rows:,} rows instead of {expected.rows:,}")
    bound = expected.text_bytes + 256 * rows
    return pl.DataFrame([_decode_column(reader, header, rows, bound) for header in headers])


def _header(line: bytes) -> _Header:
    fields = line.split(b"\t")
    if len(fields) != 6:
        raise WireError("a column's header does not have 6 fields")
    kind = fields[1].decode("ascii", "replace")
    if kind not in _DTYPES:
        raise WireError("a column has an unknown type")
    return _Header(unquoted(fields[0]), kind, *(_number(f) for f in fields[2:]))


def _counts(line: bytes, word: str, count: int) -> list[int]:
    fields = line.split(b"\t")
    if fields[0] != word.encode() or len(fields) != count + 1:
        raise WireError(f"a {word} was expected")
    return [_number(f) for f in fields[1:]]


def _number(raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > 15:
        raise WireError("a count is not a number")
    return int(raw)


def _decode_column(reader: Reader, header: _Header, rows: int, text_bound: int) -> pl.Series:
    dtype = np.dtype(_DTYPES[header.kind])
    has_levels = header.kind in ("c4", "s4")
    if header.size != rows * dtype.itemsize:
        raise WireError("a column's bytes do not fit its rows")
    if header.nulls > rows:
        raise WireError("a column has more nulls than rows")
    if not has_levels and (header.levels or header.level_bytes):
        raise WireError("a column that is no category has levels")
    if header.level_bytes > text_bound or header.levels > header.level_bytes:
        raise WireError("a column's levels are larger than allowed")
    values = np.frombuffer(reader.exactly(header.size), dtype=dtype)
    if has_levels:
        series = _decode_levels(reader, header, values)
    else:
        series = _decode_plain(reader, header, values, rows)
    return series.alias(header.name)


def _decode_plain(reader: Reader, header: _Header, values: NDArray[np.generic], rows: int) -> pl.Series:
    if header.kind == "b1" and rows and values.max() > 1:  # type: ignore[operator]
        raise WireError("a boolean is neither 0 nor 1")
    mask = np.frombuffer(reader.exactly(rows), dtype=np.uint8) if header.nulls else None
    if mask is not None and (int(mask.max(initial=0)) > 1 or int(mask.sum(dtype=np.int64)) != header.nulls):
        raise WireError("a null mask does not fit its count")
    if header.kind == "ts" and not _in_range(values, mask):
        raise WireError("a timestamp is out of range")
    series = pl.Series(values)
    if mask is not None:
        series = pl.select(pl.when(pl.Series(mask) == 0).then(series)).to_series()
    return _FINISH.get(header.kind, lambda s: s)(series)


def _in_range(values: NDArray[np.generic], mask: NDArray[np.uint8] | None) -> bool:
    seen = values if mask is None else values[mask == 0]
    return bool((np.abs(seen.astype(np.float64)) < 9.2e12).all())


def _decode_levels(reader: Reader, header: _Header, codes: NDArray[np.generic]) -> pl.Series:
    raw = bytes(reader.exactly(header.level_bytes))
    lines = raw.split(b"\n")
    if lines.pop() != b"" or len(lines) != header.levels:
        raise WireError("a column's levels do not fit their count")
    missing = codes == INT32_MIN
    if (
        int(missing.sum()) != header.nulls
        or bool(((codes < 1) & ~missing).any())
        or bool((codes > len(lines)).any())
    ):
        raise WireError("a code is not one of its levels")
    levels = pl.Series([unquoted(line) for line in lines], dtype=pl.String)
    present = pl.select(pl.when(pl.Series(~missing)).then(pl.Series(codes).cast(pl.Int64) - 1)).to_series()
    return levels.gather(present) if len(present) else pl.Series([], dtype=pl.String)
