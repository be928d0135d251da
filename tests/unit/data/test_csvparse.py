"""Segments beside each other give what one stream gives, wherever the file is cut."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from kronkers_batch.data.sources import csvparse
from kronkers_batch.data.sources.csvparse import Parser

NAMES = ["id", "text", "x"]
TYPES = {"id": pa.binary(), "x": pa.float64(), "text": pa.binary()}
HEADER = b"id,text,x\n"
PLAIN = b"".join(b"%d,word %d,%d.5\n" % (i, i, i) for i in range(50))
QUOTED = b'50,"two\nlines, ""both""",1\n51,,2\n52,last,3\n'


def parser(quote: str = '"') -> Parser:
    return Parser(NAMES, TYPES, ",", quote, ("",))


def rows(raw: bytes, quote: str = '"', *, seekable: bool = True) -> list[tuple[object, ...]]:
    stream = pa.BufferReader(raw) if seekable else Once(raw)
    found = [row for table, _ in parser(quote).tables(stream, len(HEADER)) for row in table.to_pylist()]
    return [tuple(row.values()) for row in found]


class Once(io.RawIOBase):
    """Bytes that can be read once, as of a pipe."""

    def __init__(self, raw: bytes) -> None:
        self._rest = io.BytesIO(raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._rest.readinto(buffer)


@pytest.mark.parametrize("size", [1, 7, 10, 64, 100, 1_000, 10_000])
@pytest.mark.parametrize(
    "body", [PLAIN, PLAIN[:-1], PLAIN + QUOTED, QUOTED + PLAIN, PLAIN.replace(b"\n", b"\r\n"), b"", b"1,a,2"]
)
def test_segments_of_any_size_give_the_stream_s_rows(
    body: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvparse, "_SEGMENT", size)
    assert rows(HEADER + body) == rows(HEADER + body, seekable=False)


def test_what_is_read_is_what_was_written() -> None:
    found = rows(HEADER + PLAIN + QUOTED)
    assert found[:2] == [(b"0", 0.5, b"word 0"), (b"1", 1.5, b"word 1")]
    assert found[-3:] == [(b"50", 1.0, b'two\nlines, "both"'), (b"51", 2.0, None), (b"52", 3.0, b"last")]


def test_without_a_quote_a_quote_is_a_letter() -> None:
    assert rows(HEADER + b'1,"a,2\n2,b",3\n', quote="") == [(b"1", 2.0, b'"a'), (b"2", 3.0, b'b"')]


def test_a_file_larger_than_several_segments(tmp_path: Path) -> None:
    lines = 400_000
    path = tmp_path / "x.csv"
    path.write_bytes(
        HEADER + b"".join(b"%d,word of some length %d,%d.25\n" % (i, i, i) for i in range(lines))
    )
    assert path.stat().st_size > csvparse._SEGMENT
    with pa.OSFile(str(path)) as stream:
        ids = [i for table, _ in parser().tables(stream, len(HEADER)) for i in table["id"].to_pylist()]
    assert ids == [b"%d" % i for i in range(lines)]


def test_a_ragged_row_in_a_later_segment_is_an_error_after_the_rows_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csvparse, "_SEGMENT", 64)
    seen: list[int] = []
    tables = parser().tables(pa.BufferReader(HEADER + PLAIN + b"1,a,2,3\n" + PLAIN), len(HEADER))
    with pytest.raises(pa.ArrowInvalid, match="Expected 3 columns, got 4"):
        seen.extend(table.num_rows for table, _ in tables)
    assert 40 <= sum(seen) <= 50
