"""The keyed hash is a stored format: pinned, and compared with a slow implementation of its description."""

import datetime as dt
import struct

import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.warehouse.keyhash import hash_keys

SECRET = bytes(range(32))
T = ColumnType


def slowly(row, key: Schema) -> str:
    """CBC-MAC by the words of the module's description, one row, one block at a time."""
    aes = Cipher(algorithms.AES256(SECRET), modes.ECB()).encryptor()
    state = bytes(16)

    def absorb(block: bytes) -> None:
        nonlocal state
        state = aes.update(bytes(a ^ b for a, b in zip(state, block, strict=True)))

    tags = {T.INTEGER: 1, T.INT32: 1, T.FLOAT: 2, T.BOOLEAN: 3, T.DATE: 4, T.TIMESTAMP: 5, T.STRING: 6}
    for number, column in enumerate(key):
        value, text = row[column.name], b""
        head = tags[column.type] | (value is not None) << 8 | len(key) << 16 | number << 24 | 1 << 56
        if value is None:
            word = bytes(8)
        elif column.type is T.STRING:
            text = value.encode()
            word = struct.pack("<Q", len(text))
        elif column.type is T.FLOAT:
            word = struct.pack("<d", value)
        elif column.type is T.DATE:
            word = struct.pack("<q", (value - dt.date(1970, 1, 1)).days)
        elif column.type is T.TIMESTAMP:
            word = struct.pack(
                "<q", (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
            )
        else:
            word = struct.pack("<q", int(value))
        absorb(struct.pack("<Q", head) + word)
        for start in range(0, len(text), 16):
            absorb(text[start : start + 16].ljust(16, b"\0"))
    return state.hex()


COLUMNS = {
    T.INTEGER: [1, -1, 2**63 - 1, None],
    T.FLOAT: [1.5, float("inf"), -2.0, None],
    T.BOOLEAN: [True, False, None, True],
    T.DATE: [dt.date(2013, 6, 1), dt.date(1969, 12, 31), None, dt.date(1970, 1, 1)],
    T.TIMESTAMP: [
        dt.datetime(2013, 6, 1, 1, 2, 3, 4, tzinfo=dt.UTC),
        None,
        None,
        dt.datetime(1960, 1, 1, tzinfo=dt.UTC),
    ],
    T.STRING: ["", "a", "exactly sixteen!", None],
}
LONG = ["x" * 15, "x" * 16, "x" * 17, "é" * 40]


def hashed(frame: pl.DataFrame, key: Schema) -> list[str]:
    return [row.tobytes().hex() for row in hash_keys(frame, key, SECRET)]


@pytest.mark.parametrize("kind", COLUMNS, ids=str)
def test_a_column_hashes_as_described(kind):
    key = Schema((Column("k", kind),))
    frame = pl.DataFrame({"k": COLUMNS[kind]})
    assert hashed(frame, key) == [slowly(row, key) for row in frame.iter_rows(named=True)]


def test_a_composite_key_hashes_as_described():
    key = Schema((Column("a", T.STRING), Column("n", T.INTEGER), Column("b", T.STRING)))
    frame = pl.DataFrame({"n": COLUMNS[T.INTEGER], "a": LONG, "b": COLUMNS[T.STRING]})
    assert hashed(frame, key) == [slowly(row, key) for row in frame.iter_rows(named=True)]


def test_vectors():
    integers = Schema((Column("k", T.INTEGER),))
    pair = Schema((Column("k", T.INTEGER), Column("s", T.STRING)))
    frame = pl.DataFrame({"k": [1545], "s": ["EWR-2013-06-01-0517"]})
    assert hashed(frame, integers) == ["9e8f58ca5b0702b34fbc892ee83ec7cf"]
    assert hashed(frame, pair) == ["40fd3e5694db9a8dbf1aae49ab61c0eb"]


def test_texts_that_join_to_the_same_are_different_keys():
    key = Schema((Column("a", T.STRING), Column("b", T.STRING)))
    frame = pl.DataFrame({"a": ["ab", "a", "", None], "b": ["c", "bc", "abc", "abc"]})
    assert len(set(hashed(frame, key))) == 4


def test_equal_values_of_related_types_are_equal_keys():
    wide, narrow = Schema((Column("k", T.INTEGER),)), Schema((Column("k", T.INT32),))
    assert hashed(pl.DataFrame({"k": [7]}), wide) == hashed(
        pl.DataFrame({"k": [7]}, schema={"k": pl.Int32}), narrow
    )
    floats = Schema((Column("k", T.FLOAT),))
    zeros = hashed(pl.DataFrame({"k": [0.0, -0.0, float("nan"), -float("nan")]}), floats)
    assert zeros[0] == zeros[1]
    assert zeros[2] == zeros[3]


def test_a_part_of_a_frame_hashes_as_the_whole():
    key = Schema((Column("s", T.STRING),))
    frame = pl.DataFrame({"s": LONG + COLUMNS[T.STRING]})
    assert hashed(frame[3:6], key) == hashed(frame, key)[3:6]


def test_no_rows():
    assert hashed(pl.DataFrame({"s": []}, schema={"s": pl.String}), Schema((Column("s", T.STRING),))) == []


def test_another_secret_gives_another_hash():
    key = Schema((Column("k", T.INTEGER),))
    frame = pl.DataFrame({"k": [1]})
    assert hash_keys(frame, key, SECRET).tobytes() != hash_keys(frame, key, bytes(32)).tobytes()
