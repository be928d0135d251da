"""The wire format: what is encoded is decoded equal; what is broken is refused."""

from __future__ import annotations

import datetime as dt
import io
import struct
import tracemalloc

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kronkers_batch.errors import DataError
from kronkers_batch.frames.decode import UNUSED, Expected, decode
from kronkers_batch.frames.schema import OTHER, Column, ColumnType, Schema
from kronkers_batch.frames.tables import conform, polars_schema
from kronkers_batch.frames.wire import WireError, encode, quoted, unquoted, wire_levels


class Bytes:
    """A reader over bytes in memory; notes the largest size that was asked for."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.largest = 0

    def line(self) -> bytes:
        line = self._file.readline(2**20)
        if not line.endswith(b"\n"):
            raise WireError("the end")
        return line[:-1]

    def exactly(self, size: int) -> bytearray:
        self.largest = max(self.largest, size)
        data = self._file.read(size)
        if len(data) < size:
            raise WireError("the end")
        return bytearray(data)


def written(df, schema, int64=True, unseen="missing") -> bytes:
    return b"".join(bytes(b) for b in encode(df, schema, int64=int64, unseen=unseen))


def read(raw: bytes, schema: Schema, rows: int) -> pl.DataFrame:
    reader = Bytes(raw)
    return decode(reader, reader.line(), Expected(schema.names, rows))


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
VALUES = {
    ColumnType.FLOAT: st.floats(),
    ColumnType.FLOAT32: st.floats(width=32),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.INT32: st.integers(-(2**31), 2**31 - 1),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.DATE: st.dates(),
    ColumnType.TIMESTAMP: st.datetimes().map(lambda d: d.replace(tzinfo=dt.UTC)),
    ColumnType.STRING: TEXT,
}


@st.composite
def frames(draw):
    names = draw(st.lists(TEXT, min_size=1, max_size=5, unique=True))
    rows = draw(st.integers(0, 8))
    columns, data = [], {}
    for name in names:
        kind = draw(st.sampled_from(list(ColumnType)))
        levels = ()
        values = VALUES.get(kind)
        if kind is ColumnType.CATEGORY:
            levels = tuple(draw(st.lists(TEXT, min_size=1, max_size=4, unique=True)))
            values = st.sampled_from(levels)
        columns.append(Column(name, kind, levels))
        data[name] = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
    schema = Schema(tuple(columns))
    return pl.DataFrame(data, schema=polars_schema(schema)), schema


@settings(max_examples=80, deadline=None)
@given(frames())
def test_round_trip(given_frame):
    df, schema = given_frame
    assert conform(read(written(df, schema), schema, df.height), schema, "test").equals(df)


@settings(max_examples=150, deadline=None)
@given(frames(), st.data())
def test_a_hostile_frame_is_refused_or_well_formed_and_never_makes_a_large_allocation(given_frame, data):
    df, schema = given_frame
    raw = bytearray(written(df, schema))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.sampled_from(["byte", "digit", "cut", "insert"]))
        if change == "byte":
            raw[place] = data.draw(st.integers(0, 255))
        elif change == "digit":
            raw[place : place + 1] = b"9" * data.draw(st.integers(1, 15))
        elif change == "cut":
            del raw[place : place + data.draw(st.integers(1, 20))]
        else:
            raw[place:place] = data.draw(st.binary(max_size=10))
        if not raw:
            break
    reader = Bytes(bytes(raw))
    try:
        got = decode(reader, reader.line(), Expected(schema.names, df.height, text_bytes=4096))
    except WireError:
        pass
    else:
        assert got.shape == df.shape
        assert tuple(got.columns) == schema.names
    assert reader.largest <= 4096 + 256 * df.height


@given(TEXT)
def test_quoting(text):
    assert unquoted(quoted(text).encode("ascii")) == text
    assert not set(quoted(text)) & set("\t\n /")


def one(kind, values, levels=()):
    schema = Schema((Column("a", kind, levels),))
    return pl.DataFrame({"a": values}, schema=polars_schema(schema)), schema


def frame(kind: str, body: bytes, *, nulls=0, size=None, levels=0, text=0, rows=2, name="a") -> bytes:
    size = len(body) if size is None else size
    return f"frame\t1\t{rows}\n{name}\t{kind}\t{nulls}\t{size}\t{levels}\t{text}\n".encode() + body


INT = (1).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"blob\t3\n", "a frame was expected"),
        (b"frame\t1\tx\n", "a count is not a number"),
        (b"frame\t1\t-1\n", "a count is not a number"),
        (b"frame\t999999999999\t2\n", "another number of columns"),
        (frame("f8", b"", rows=999_999_999_999_999, size=0), "more rows than the 2 that"),
        (frame("f8", b"", rows=1, size=0), "fewer rows than the 2 that"),
        (frame("f8", b"", size=999_999_999_999), "bytes do not fit"),
        (frame("zz", b"1234"), "unknown type"),
        (frame("f8", bytes(16), name="b"), "other columns"),
        (frame("f8", bytes(16), nulls=3), "more nulls than rows"),
        (frame("f8", bytes(16) + b"\1\1", nulls=1, size=16), "mask does not fit"),
        (frame("f8", bytes(16) + b"\2\0", nulls=2, size=16), "mask does not fit"),
        (frame("b1", b"\1\7"), "neither 0 nor 1"),
        (frame("f8", bytes(16), levels=1, text=2), "no category has levels"),
        (
            frame("c4", INT + (2).to_bytes(4, "little") + b"x\n", size=8, levels=1, text=2),
            "not one of its levels",
        ),
        (frame("c4", INT + bytes(4) + b"x\n", size=8, levels=1, text=2), "not one of its levels"),
        (frame("c4", INT + INT + b"x\n", size=8, levels=1, text=2, nulls=1), "not one of its levels"),
        (frame("c4", INT + INT + b"xy", size=8, levels=1, text=2), "levels do not fit"),
        (frame("c4", INT + INT + b"%FF\n", size=8, levels=1, text=4), "not UTF-8"),
        (frame("s4", INT + INT, size=8, levels=1, text=99_999_999_999), "larger than allowed"),
        (frame("s4", INT + INT, size=8, levels=UNUSED + 3, text=2 * UNUSED), "larger than allowed"),
        (frame("s4", INT + INT + b"%00\n", size=8, levels=1, text=4), "a NUL byte"),
        (frame("s4", INT + INT + b"=%41\n", size=8, levels=1, text=5), "not percent-encoded"),
        (frame("ts", bytes(8) + b"\0\0\0\0\0\0\xf0\x7f"), "years 1 to 9999"),
        (frame("ts", struct.pack("<dd", 0, 1e12)), "years 1 to 9999"),
        (frame("t8", struct.pack("<qq", 0, 2**62)), "years 1 to 9999"),
        (frame("t8", struct.pack("<qq", 0, -(2**62))), "years 1 to 9999"),
        (frame("d4", struct.pack("<ii", 0, 2**31 - 1)), "years 1 to 9999"),
        (frame("d4", struct.pack("<ii", 0, -(2**31))), "years 1 to 9999"),
    ],
)
def test_broken_frames_say_how(raw, why):
    schema = Schema((Column("a", ColumnType.FLOAT),))
    with pytest.raises(WireError, match=why):
        read(raw, schema, 2)


@pytest.mark.parametrize("raw", [b"=41%41", b"%\r%41", b"%FF", b"\xff"])
def test_what_is_not_percent_encoded_is_refused(raw):
    with pytest.raises(WireError):
        unquoted(raw)


def test_a_long_text_of_a_worker_takes_no_more_memory_than_it_has():
    """Of sixteen megabytes of escapes the standard library's decoder makes more than a gigabyte."""
    raw = b"%C3%A9" * 200_000
    tracemalloc.start()
    try:
        assert unquoted(raw) == "é" * 200_000
        assert tracemalloc.get_traced_memory()[1] < 4 * len(raw)
    finally:
        tracemalloc.stop()


def test_the_first_and_the_last_day_and_timestamp_can_be_shown():
    days = [dt.date.min, dt.date.max]
    timestamps = [dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)]
    for kind, values in ((ColumnType.DATE, days), (ColumnType.TIMESTAMP, timestamps)):
        df, schema = one(kind, values)
        assert read(written(df, schema), schema, 2)["a"].to_list() == values


def test_one_text_in_every_row_is_bounded_as_it_is_stored():
    """Thirty megabytes that came in were two terabytes to be written."""
    rows, schema = 1000, Schema((Column("a", ColumnType.STRING),))
    raw = frame("s4", INT * rows + b"x" * 300_000 + b"\n", size=4 * rows, rows=rows, levels=1, text=300_001)
    with pytest.raises(WireError, match="text is larger than allowed"):
        read(raw, schema, rows)
    short = frame("s4", INT * rows + b"x" * 300 + b"\n", size=4 * rows, rows=rows, levels=1, text=301)
    assert read(short, schema, rows)["a"].to_list() == ["x" * 300] * rows


def test_a_column_without_nulls_is_not_copied():
    df, schema = one(ColumnType.FLOAT, [1.0, 2.0])
    buffer = encode(df, schema, int64=True, unseen="missing")[1]
    address = df["a"].to_numpy().__array_interface__["data"][0]
    import numpy as np

    assert np.frombuffer(buffer, np.uint8).__array_interface__["data"][0] == address


def test_the_header_is_as_documented():
    df, schema = one(ColumnType.CATEGORY, ["ü", None, "new"], ("a b", "ü"))
    raw = written(df, schema)
    assert raw.startswith(b"frame\t1\t3\na\tc4\t2\t12\t2\t13\n")
    assert raw.endswith(b"a%20b\n%C3%BC\n")


def test_other_is_always_the_last_level():
    column = Column("a", ColumnType.CATEGORY, (OTHER, "x"))
    assert wire_levels(column, "other") == ("x", OTHER)
    assert wire_levels(column, "missing") == (OTHER, "x")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ColumnType.INTEGER, 2**53 + 1),
        (ColumnType.INTEGER, -(2**63)),
        (ColumnType.INT32, -(2**31)),
    ],
)
def test_what_a_language_without_int64_cannot_hold_is_refused(kind, value):
    df, schema = one(kind, [value, None])
    written(df, schema, int64=True)
    with pytest.raises(DataError) as error:
        written(df, schema, int64=False)
    assert "column 'a': 1 values" in str(error.value)
    if value != -(2**31):
        assert str(value) not in str(error.value)


def test_without_int64_timestamps_are_seconds():
    timestamp = dt.datetime(2013, 6, 1, 1, 2, 3, 456789, tzinfo=dt.UTC)
    df, schema = one(ColumnType.TIMESTAMP, [timestamp, None])
    assert b"\tts\t" in written(df, schema, int64=False)
    assert read(written(df, schema, int64=False), schema, 2).equals(df)
