"""The content fingerprint of a table: the same rows give the same digest, however they came in chunks."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from kronkers_batch.frames.schema import Schema
from kronkers_batch.store.canonical import encode


class Fingerprint:
    """A running SHA-256 of each column's values, and of the numbers of its null rows.

    Fixed-width columns are hashed as little-endian values (nulls as zero), text as its bytes and, apart from
    them, its lengths. Values are compared bit by bit: 0.0 and -0.0 differ. Nothing depends on chunks, on a
    library's file format, or on its version.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._columns = {c.name: _Column() for c in schema}

    def feed(self, frame: pl.DataFrame) -> None:
        """Takes the next rows."""
        for name, column in self._columns.items():
            column.feed(frame.get_column(name), self._rows)
        self._rows += frame.height

    def finish(self) -> str:
        """SHA-256 (hex) over names, types, number of rows and all columns."""
        fields: list[str | int | bytes] = [self._rows]
        for c in self._schema:
            fields += [c.name, str(c.type), self._columns[c.name].digest()]
        return hashlib.sha256(encode("kronkers-batch content 1", *fields)).hexdigest()


class _Column:
    def __init__(self) -> None:
        self._values, self._lengths, self._nulls = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()

    def feed(self, series: pl.Series, before: int) -> None:
        if series.null_count():
            rows = series.is_null().arg_true().to_numpy().astype("<u8") + np.uint64(before)
            self._nulls.update(rows.data)
        if series.dtype == pl.String:
            filled = series.fill_null("")
            self._lengths.update(_contiguous(filled.str.len_bytes(), "<u4"))
            # Joined without a separator: the lengths say where each text ends.
            joined: str | None = filled.str.join("", ignore_nulls=False).item()
            self._values.update((joined or "").encode())
            return
        if series.dtype == pl.Boolean:
            self._values.update(_contiguous(series.fill_null(False).cast(pl.UInt8), "u1"))
            return
        physical = series.to_physical()
        kind = {8: "<f8", 4: "<f4"} if physical.dtype.is_float() else {8: "<i8", 4: "<i4"}
        filled = physical.fill_null(0) if physical.null_count() else physical
        width = 4 if physical.dtype in (pl.Float32, pl.Int32) else 8
        self._values.update(_contiguous(filled, kind[width]))

    def digest(self) -> bytes:
        return self._values.digest() + self._lengths.digest() + self._nulls.digest()


def _contiguous(series: pl.Series, dtype: str) -> memoryview:
    return np.ascontiguousarray(series.to_numpy(), dtype=dtype).data
