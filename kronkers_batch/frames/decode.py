"""Frames that come back from a worker: untrusted input.

Nothing is allocated that the caller did not expect, and every count, code and length is checked before use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kronkers_batch.frames.schema import SPANS, ColumnType
from kronkers_batch.frames.wire import INT32_MIN, WireError, unquoted


class Mismatch(WireError):
    """A sound frame, but with other columns or rows than expected."""


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


UNUSED = 2**17
"""Levels that a column may have besides one a row: each takes a hundred bytes here, however short it is."""
REPEATED = 4
"""How much of the bound on a column's levels all of its rows' texts may take."""

_DTYPES: dict[str, str] = {
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


def _as_is(series: pl.Series) -> pl.Series:
    return series


_DAYS, _TIMESTAMPS = SPANS[ColumnType.DATE], SPANS[ColumnType.TIMESTAMP]
_RANGES: dict[str, tuple[int, int]] = {
    "d4": _DAYS,
    "t8": _TIMESTAMPS,
    "ts": (_TIMESTAMPS[0] // 1_000_000, _TIMESTAMPS[1] // 1_000_000),
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
        WireError: It is not a frame of this format.
        Mismatch: It has other columns or rows.
    """
    columns, rows = _counts(first, "frame", 2)
    if columns != len(expected.names):
        raise Mismatch(f"another number of columns than the declared {len(expected.names):,}")
    headers = [_header(reader.line()) for _ in range(columns)]
    names = tuple(h.name for h in headers)
    if names != expected.names:
        raise Mismatch("other columns than the declared ones (" + ", ".join(expected.names) + ")")
    if rows != expected.rows:
        # Not how many: a worker writes whatever number it likes, which may be one of its data.
        which = "fewer" if rows < expected.rows else "more"
        raise Mismatch(f"{which} rows than the {expected.rows:,} that it was given")
    bound = expected.text_bytes + 256 * rows
    return pl.DataFrame({h.name: _decode_column(reader, h, rows, bound) for h in headers})


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
    if header.level_bytes > text_bound or header.levels > rows + UNUSED:
        raise WireError("a column's levels are larger than allowed")
    values = np.frombuffer(reader.exactly(header.size), dtype=dtype)
    if has_levels:
        series = _decode_levels(reader, header, values, text_bound)
    else:
        series = _decode_plain(reader, header, values, rows)
    return series


def _decode_plain(reader: Reader, header: _Header, values: NDArray[Any], rows: int) -> pl.Series:
    if header.kind == "b1" and rows and values.max() > 1:
        raise WireError("a boolean is neither 0 nor 1")
    mask = np.frombuffer(reader.exactly(rows), dtype=np.uint8) if header.nulls else None
    if mask is not None and (int(mask.max(initial=0)) > 1 or int(mask.sum(dtype=np.int64)) != header.nulls):
        raise WireError("a null mask does not fit its count")
    if header.kind in _RANGES and not _in_range(values, mask, *_RANGES[header.kind]):
        raise WireError("a date or timestamp is not of the years 1 to 9999")
    series = pl.Series(values)
    if mask is not None:
        series = pl.select(pl.when(pl.Series(mask) == 0).then(series)).to_series()
    return _FINISH.get(header.kind, _as_is)(series)


def _in_range(values: NDArray[Any], mask: NDArray[np.uint8] | None, first: int, last: int) -> bool:
    seen = values if mask is None else values[mask == 0]
    return bool(((seen >= first) & (seen <= last)).all())  # NaN is not


def _decode_levels(reader: Reader, header: _Header, codes: NDArray[Any], text_bound: int) -> pl.Series:
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
    texts = [unquoted(line) for line in lines]
    if any("\0" in text for text in texts):
        raise WireError("a text holds a NUL byte")  # what no source may hold, which this may become
    levels = pl.Series(texts, dtype=pl.String)
    # A text that every row has is sent once, but takes its room in every row when it is stored.
    sizes = levels.str.len_bytes().to_numpy().astype(np.int64)
    if int(sizes[codes[~missing] - 1].sum()) > REPEATED * text_bound:
        raise WireError("a column's text is larger than allowed")
    present = pl.select(pl.when(pl.Series(~missing)).then(pl.Series(codes).cast(pl.Int64) - 1)).to_series()
    return levels.gather(present) if len(present) else pl.Series([], dtype=pl.String)
