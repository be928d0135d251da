"""Frames on their way to a worker: a text header, then each column's little-endian buffers.

The format is specified in ``docs/reference/worker-protocol.md``. A column without nulls is not copied.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import OTHER, Column, ColumnType, Schema

"""The extra last level that stands for unseen levels, where those are declared to become ``other``."""

INT32_MIN, INT64_MIN = -(2**31), -(2**63)
EXACT = 2**53
"""Whole numbers up to here are exact in a float64."""

Buffer = bytes | memoryview
_AS_QUOTED_PRINTABLE = bytes.maketrans(b"%", b"=")
_PLAIN = re.compile(r"[A-Za-z0-9._~\-]*")


class WireError(ValueError):
    """The other side broke the format. The message says how, without any of its bytes."""


def quoted(text: str) -> str:
    """``text`` percent-encoded, as every name and value on the wire."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


def unquoted(raw: bytes) -> str:
    """The inverse of :func:`quoted`. Raises WireError where the bytes are not of it, or no UTF-8.

    The escapes are those of quoted-printable, for which the standard library has a decoder that takes no more
    memory than the text: the one for URLs takes 200 times that, and a worker's text may have 32 MB.
    """
    try:
        if b"%" not in raw:
            return raw.decode()
        if b"=" in raw or b"%\r" in raw or b"%\n" in raw:  # which the other form knows, too
            raise WireError("a text is not percent-encoded")
        return binascii.a2b_qp(raw.translate(_AS_QUOTED_PRINTABLE)).decode()
    except UnicodeDecodeError:
        raise WireError("a text is not UTF-8") from None


def wire_levels(column: Column, unseen: str) -> tuple[str, ...]:
    """The levels of a category as the model sees them: always the same, in the same order."""
    if unseen != "other":
        return column.levels
    return (*(level for level in column.levels if level != OTHER), OTHER)


def encode(df: pl.DataFrame, schema: Schema, *, int64: bool, unseen: str, closed: str = "") -> list[Buffer]:
    """``df`` as the buffers of one frame, to be written one after the other.

    Args:
        df: At least the columns of ``schema``, in its types.
        schema: Which columns, in which order; categories with their levels.
        int64: Whether the language holds 64-bit integers.
        unseen: What a level that is not in the schema becomes: ``missing``, ``other`` or ``error``.
        closed: A category that has its levels and no others, as a target has its classes.

    Raises:
        DataError: A value cannot be held in the language, or a level is not known and that is an error.
    """
    header = [f"frame\t{len(schema)}\t{df.height}\n"]
    body: list[Buffer] = []
    for column in schema:
        series = df.get_column(column.name)
        policy = "error" if column.name == closed else unseen
        kind, values, mask, nulls, levels = _encode_column(series.rechunk(), column, int64, policy)
        text = "".join(quoted(level) + "\n" for level in levels).encode()
        header.append(
            f"{quoted(column.name)}\t{kind}\t{nulls}\t{values.nbytes}\t{len(levels)}\t{len(text)}\n"
        )
        parts = [values.view(np.uint8).data if values.size else b"", mask, text]
        body += [part for part in parts if len(part)]
    return ["".join(header).encode(), *body]


_Encoded = tuple[str, NDArray[Any], Buffer, int, Sequence[str]]


def _encode_column(series: pl.Series, column: Column, int64: bool, unseen: str) -> _Encoded:
    nulls = series.null_count()
    if column.type is ColumnType.CATEGORY:
        return _encode_category(series, column, unseen)
    if column.type is ColumnType.STRING:
        levels = series.drop_nulls().unique(maintain_order=True)
        codes = _codes(series.cast(pl.Enum(levels)))
        return "s4", codes, b"", nulls, levels.to_list()
    mask: Buffer = series.is_null().cast(pl.UInt8).to_numpy().data if nulls else b""
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
            f"column '{column.name}': {lost:,} of {len(series):,} rows have a level not seen in training",
            fix="train again on data that has them, or declare unseen: missing or other",
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
