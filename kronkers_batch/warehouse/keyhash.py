"""The keyed hash of entity keys that filters are built from.

Each row's key becomes 16 bytes under the model's filter key (32 bytes): AES-256 in CBC-MAC over a
prefix-free encoding of the row, computed for all rows at once, one AES call a block. Who has no filter key
learns nothing from a hash, and cannot make two keys collide. The bytes are a stored format, pinned by
``tests/unit/warehouse/test_keyhash.py`` and may never change under the same ``VERSION``.

The encoding of a row is, for each key column in order, one block of two little-endian 64-bit words::

    word 0: tag | present << 8 | number of columns << 16 | column number << 24 | VERSION << 56
    word 1: the value's 64 bits; of a text its length in bytes; 0 where it is null

and after a text's block its UTF-8 bytes, padded with zeros to whole blocks. Equal values of ``integer`` and
``int32``, of ``float`` and ``float32``, and of ``string`` and ``category`` are equal keys; -0.0 is 0.0, and
all NaN are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
Words = NDArray[np.uint64]

_BLOCK = 16
_TAGS = {
    ColumnType.INTEGER: 1,
    ColumnType.INT32: 1,
    ColumnType.FLOAT: 2,
    ColumnType.FLOAT32: 2,
    ColumnType.BOOLEAN: 3,
    ColumnType.DATE: 4,
    ColumnType.TIMESTAMP: 5,
    ColumnType.STRING: 6,
    ColumnType.CATEGORY: 6,
}
# Row r keeps the first r bytes of a block.
_KEEP = (
    np.array([[255] * r + [0] * (_BLOCK - r) for r in range(_BLOCK + 1)], dtype=np.uint8)
    .view("<u8")
    .reshape(_BLOCK + 1, 2)
)


def hash_keys(frame: pl.DataFrame, key: Schema, secret: bytes) -> Words:
    """Hashes the key columns of each row.

    Args:
        frame: Holds at least the key columns, in the types that the schema says.
        key: The key columns, in the model's order; at least one.
        secret: The model's filter key, 32 bytes.

    Returns:
        Array of shape (rows, 2): two little-endian 64-bit words a row.
    """
    if not len(key):
        raise ValueError("a key has at least one column")
    mac = _Mac(secret, frame.height)
    for number, column in enumerate(key):
        series = frame.get_column(column.name)
        head = _TAGS[column.type] | len(key) << 16 | number << 24 | VERSION << 56
        words = np.empty((frame.height, 2), dtype="<u8")
        words[:, 0] = head | 1 << 8
        if series.null_count():
            words[series.is_null().to_numpy(), 0] = head
        if column.type in (ColumnType.STRING, ColumnType.CATEGORY):
            data, starts, lengths = _bytes_of(series)
            words[:, 1] = lengths
            mac.absorb(words)
            mac.absorb_bytes(data, starts, lengths)
        else:
            words[:, 1] = _value_bits(series, column.type)
            mac.absorb(words)
    return mac.state


class _Mac:
    """CBC-MAC over all rows side by side."""

    def __init__(self, secret: bytes, rows: int) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        # One block a row and state: ECB here is the bare permutation, chained by the caller.
        self._aes = Cipher(algorithms.AES256(secret), modes.ECB()).encryptor()  # noqa: S305
        self.state: Words = np.zeros((rows, 2), dtype="<u8")

    def absorb(self, words: Words) -> None:
        """One block for every row."""
        self.state = self._permute(np.bitwise_xor(self.state, words, out=words))

    def absorb_bytes(self, data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: Words) -> None:
        """As many blocks for each row as its text has."""
        longest = int(lengths.max(initial=0))
        windows = np.lib.stride_tricks.sliding_window_view(data, _BLOCK)
        for done in range(0, longest, _BLOCK):
            (rows,) = np.nonzero(lengths > done)
            blocks = windows[starts[rows] + done].view("<u8")
            keep = np.minimum(lengths[rows] - np.uint64(done), np.uint64(_BLOCK)).astype(np.int64)
            self.state[rows] = self._permute(self.state[rows] ^ (blocks & _KEEP[keep]))

    def _permute(self, blocks: Words) -> Words:
        result = np.empty((len(blocks) + 1, 2), dtype="<u8")  # update_into wants a block to spare
        if len(blocks):
            self._aes.update_into(np.ascontiguousarray(blocks).data.cast("B"), result.data.cast("B"))
        return result[: len(blocks)]


def _value_bits(series: pl.Series, kind: ColumnType) -> Words:
    """The 64 bits of each value; 0 for null."""
    import polars as pl

    if kind in (ColumnType.FLOAT, ColumnType.FLOAT32):
        numbers = series.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0  # -0.0 + 0.0 is 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).view("<u8")
    if kind is ColumnType.DATE:
        series = series.cast(pl.Int32)
    if series.dtype != pl.Int64:
        series = series.cast(pl.Int64)
    return (series.fill_null(0) if series.null_count() else series).to_numpy().view("<u8")


def _bytes_of(series: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64], Words]:
    """All texts' UTF-8 bytes behind one another (and a block of zeros), where each starts, and its length."""
    import polars as pl

    array = series.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
    # The first buffer would be of nulls, of which there are none here.
    offsets_raw, data_raw = (
        np.frombuffer(b"" if b is None else memoryview(b), dtype=np.uint8) for b in array.buffers()[1:]
    )
    count = len(array)
    offsets = offsets_raw.view("<i8")[array.offset : array.offset + count + 1]
    size = int(offsets[-1]) if count else 0
    data = np.zeros(size + _BLOCK, dtype=np.uint8)
    if size:
        data[:size] = data_raw[:size]
    return data, offsets[:-1], np.diff(offsets).astype("<u8")
