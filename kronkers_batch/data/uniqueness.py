"""Uniqueness over any number of rows in bounded memory, without a key in clear on any disk."""

from __future__ import annotations

import os
import secrets
import tempfile
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PARTITIONS = 64
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying modulo 2^64 loses nothing

Keys = np.ndarray[tuple[int, int], np.dtype[np.uint64]]
"""Rows of one (an integer itself) or two (a 128-bit keyed hash) uint64."""


class Unique:
    """Counts the rows whose values in ``columns`` occurred before.

    A single integer, date or timestamp column is kept as it is (8 bytes a row), anything else as a 128-bit
    hash under random seeds (16 bytes a row; two of 100 million different keys share one with a chance of
    10^-23). Above ``memory`` bytes the keys go to an unnamed temporary file, in partitions that are encrypted
    under a key that is never stored. Rows with a null in ``columns`` are not looked at.
    """

    def __init__(self, columns: tuple[str, ...], *, memory: int = 96 * 2**20) -> None:
        self.columns = columns
        self._seeds = secrets.randbits(64), secrets.randbits(64)
        self._memory = memory
        self._chunks: list[Keys] = []
        self._size = 0
        self._last: int | None = None
        self._ascending = True
        self._spilled: _Spilled | None = None

    def feed(self, frame: pl.DataFrame) -> None:
        """Takes the keys of some rows."""
        keys = self._keys(frame.select(self.columns).drop_nulls())
        if not len(keys):
            return
        if self._ascending:
            self._ascending = self._goes_on(keys)
        self._chunks.append(keys)
        self._size += keys.nbytes
        if self._size > self._memory:
            self._spill()

    def finish(self) -> int:
        """The number of rows that repeat an earlier key. Frees everything."""
        if self._ascending and self._spilled is None:
            self._chunks = []
            return 0
        if self._spilled is not None:
            self._spill()
            with self._spilled as spilled:
                return sum(_repeats(spilled.read(p)) for p in range(_PARTITIONS))
        chunks, self._chunks = self._chunks, []
        return _repeats(chunks)

    def close(self) -> None:
        """Frees everything without counting."""
        self._chunks = []
        if self._spilled is not None:
            self._spilled.close()

    def _keys(self, frame: pl.DataFrame) -> Keys:
        if len(self.columns) == 1 and (frame.dtypes[0].is_integer() or frame.dtypes[0].is_temporal()):
            whole = frame.to_series().to_physical().cast(pl.Int64).to_numpy()
            return np.ascontiguousarray(whole).view(np.uint64).reshape(-1, 1)
        one = frame.hash_rows(self._seeds[0]).to_numpy()
        # The other order of columns as well as another seed: the two halves have nothing in common.
        two = frame.select(self.columns[::-1]).hash_rows(self._seeds[1]).to_numpy()
        return np.column_stack((one, two))

    def _goes_on(self, keys: Keys) -> bool:
        """Whether integer keys still rise strictly: then they are unique without any sorting."""
        if keys.shape[1] != 1:
            return False
        signed = keys[:, 0].view(np.int64)
        rises = bool((signed[1:] > signed[:-1]).all()) and (self._last is None or int(signed[0]) > self._last)
        self._last = int(signed[-1])
        return rises

    def _spill(self) -> None:
        if self._spilled is None:
            self._spilled = _Spilled(self._chunks[0].shape[1])
        while self._chunks:
            self._spilled.write(self._chunks.pop())
        self._size = 0


def repeated_within(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    """Where a row's values occurred in an earlier row of the same frame; nulls never repeat."""
    complete = pl.all_horizontal(pl.col(columns).is_not_null())
    first = pl.struct(columns).is_first_distinct()
    return frame.select(again=complete & ~first).to_series()


class Seen:
    """Says row by row whether a key occurred before: for checks that drop repeated rows.

    It must remember every key, so it holds up to ``limit`` of them (16 bytes each).
    """

    def __init__(self, columns: tuple[str, ...], *, limit: int = 16_000_000) -> None:
        self.columns, self.limit = columns, limit
        self._seeds = secrets.randbits(64), secrets.randbits(64)
        self._seen: list[pl.DataFrame] = []
        self.count = 0

    def again(self, frame: pl.DataFrame) -> pl.Series:
        """True where the row repeats an earlier one. Raises OverflowError above the limit."""
        within = repeated_within(frame, self.columns)
        keys = self._hashed(frame)
        repeated = within
        for block in self._seen:
            hit = keys.join(block, on=["one", "two"], how="semi").get_column("row")
            if len(hit):
                repeated = repeated | pl.Series(range(len(repeated)), dtype=pl.UInt32).is_in(hit.implode())
        fresh = keys.filter(~repeated.gather(keys.get_column("row"))).select("one", "two")
        self.count += fresh.height
        if self.count > self.limit:
            raise OverflowError
        self._seen.append(fresh)
        if len(self._seen) > 8:
            self._seen = [pl.concat(self._seen, rechunk=True)]
        return repeated

    def _hashed(self, frame: pl.DataFrame) -> pl.DataFrame:
        numbered = frame.select(self.columns).with_row_index("kronkers row").drop_nulls()
        keys = numbered.select(self.columns)
        return pl.DataFrame(
            {
                "row": numbered.get_column("kronkers row"),
                "one": keys.hash_rows(self._seeds[0]),
                "two": keys.select(self.columns[::-1]).hash_rows(self._seeds[1]),
            }
        )


def _partition(keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return ((keys[:, 0] * _SPREAD) >> np.uint64(58)).astype(np.uint8)


def _repeats(chunks: list[Keys]) -> int:
    """How many keys repeat another one, over all chunks; sorts a copy of their first halves only."""
    if not chunks:
        return 0
    first = np.concatenate([c[:, 0] for c in chunks])
    first.sort()
    equal = first[1:] == first[:-1]
    if chunks[0].shape[1] == 1 or not equal.any():
        return int(equal.sum())
    # Halves that are equal by chance have different other halves.
    twice = np.unique(first[1:][equal])
    suspects = np.concatenate([c[np.isin(c[:, 0], twice)] for c in chunks])
    return len(suspects) - len(np.unique(suspects, axis=0))


class _Spilled:
    """Partitions of keys in an unnamed file, encrypted under a key that only this object holds."""

    def __init__(self, width: int) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher: AESGCM = AESGCM(AESGCM.generate_key(256))
        self._width = width
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="kronkers-")  # noqa: SIM115 - closed by close()
        self._blocks: list[list[tuple[int, int, bytes]]] = [[] for _ in range(_PARTITIONS)]
        self._count = 0
        self._process = os.getpid()

    def __enter__(self) -> _Spilled:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def write(self, keys: Keys) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("a nonce counter must not cross a fork")
        partition = _partition(keys)
        order = np.argsort(partition, kind="stable")
        ends = np.searchsorted(partition[order], np.arange(_PARTITIONS + 1))
        for number in range(_PARTITIONS):
            block = keys[order[ends[number] : ends[number + 1]]]
            if len(block):
                nonce = self._count.to_bytes(12, "little")
                self._count += 1
                sealed = self._cipher.encrypt(nonce, block.tobytes(), None)
                self._blocks[number].append((self._file.seek(0, os.SEEK_END), len(sealed), nonce))
                self._file.write(sealed)

    def read(self, number: int) -> list[Keys]:
        parts = []
        for offset, size, nonce in self._blocks[number]:
            self._file.seek(offset)
            plain = self._cipher.decrypt(nonce, self._file.read(size), None)
            parts.append(np.frombuffer(plain, dtype=np.uint64).reshape(-1, self._width))
        return parts
