"""Files that somebody made to do harm: each ends in words or in the right values, never in a crash."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import random
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.data.sources import files, footer, packed, pages
from kronkers_batch.data.sources import parquet_file as reading
from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import SourceError
from tests.data_support import ALL, MARKER, PLACES, Store, day, frames, rows, schema, source

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = schema(id="integer", name="string")
ALL_COLUMNS = schema(id="integer", x="float", name="string", kind="category", at="timestamp", b="boolean")


def parquet(path: Path, columns: Any = COLUMNS, **more: Any) -> SourceSpec:
    return source("parquet", columns, path=path, **more)


def refused(spec: SourceSpec, **more: Any) -> str:
    with pytest.raises(SourceError) as caught:
        rows(spec, **more)
    text = str(caught.value)
    assert MARKER not in text, text
    assert "->" in text, text
    assert caught.value.__cause__ is None
    return text


def rows_or_none(spec: SourceSpec) -> list[tuple[Any, ...]]:
    """None where it ends in words."""
    try:
        return rows(spec)
    except SourceError as error:
        text = str(error)
    assert MARKER not in text
    assert "\x1b" not in text
    return []


def table(count: int = 400) -> pa.Table:
    start = dt.datetime(2024, 1, 1)
    return pa.table(
        {
            "id": list(range(count)),
            "x": [i / 7 for i in range(count)],
            "name": [f"{MARKER}{i}" for i in range(count)],
            "kind": [f"kind {i % 5}" for i in range(count)],
            "at": pa.array([start + dt.timedelta(hours=i) for i in range(count)], pa.timestamp("us")),
            "b": [None if i % 3 == 0 else i % 3 == 1 for i in range(count)],
        }
    )


def confined(program: str, *arguments: object, memory: int = 8 * 2**30) -> str:
    """Runs a program of its own, so that a crash is seen, with bounded memory; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=150,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    return done.stdout


# ---------------------------------------------------------------- Parquet: any byte

FLIPPED = """
import sys
from pathlib import Path
from tests.faults.test_hostile_files import read_flipped
read_flipped(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
"""


def read_flipped(path: Path, first: int, step: int) -> None:
    """Reads a file in each way after each of many changes; prints how often there were rows, and words."""
    whole, ends, drawn = path.read_bytes(), Counter({"rows": 0, "words": 0}), random.Random(7)
    spec = parquet(path, ALL_COLUMNS, time_column="at")
    inputs = {"inputs": {"t": InputRef(source="things")}}
    query = source("query", ALL_COLUMNS, name="q", query="select * from t", **inputs)
    ways: list[tuple[SourceSpec, Any, Any]] = [(spec, ALL, {}), (spec, day("2024-01-05"), {})]
    for at in range(first, len(whole), step):
        bit = bytes([whole[at] ^ 1 << drawn.randrange(8)])
        for new in (bit, b"\xff", b"\x00", b"\x7f\xff\xff\xff"):
            path.write_bytes((whole[:at] + new + whole[at + len(new) :])[: len(whole)])
            for one, window, others in [*ways, (query, ALL, {"things": spec})][: 3 if new == bit else 2]:
                said = "rows"
                try:
                    frames(one, window, others=others)
                except SourceError as error:
                    said = str(error)
                assert MARKER not in said
                ends["rows" if said == "rows" else "words"] += 1
    print(f"\n{json.dumps(ends)}")  # a query that takes long has shown its progress on the line before


@pytest.mark.parametrize("form", ["small pages", "plain, newer pages"])
def test_any_byte_of_a_parquet_file_may_be_another(tmp_path: Path, form: str) -> None:
    path = tmp_path / "x.parquet"
    options: dict[str, Any] = {
        "small pages": {"data_page_size": 300, "compression": "zstd", "use_dictionary": ["kind"]},
        "plain, newer pages": {"data_page_version": "2.0", "compression": "none", "use_dictionary": False},
    }[form]
    pq.write_table(table(200), path, row_group_size=100, **options)
    said = confined(FLIPPED, path, 0, 303 if form == "small pages" else 909)
    ends = json.loads(said.splitlines()[-1])
    assert ends["words"] > 25, ends
    assert ends["rows"] > 25, ends


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("compression", ["snappy", "none", "zstd", "gzip", "lz4", "brotli"])
def test_every_byte_of_a_parquet_file_may_be_another(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(), path, row_group_size=100, data_page_size=300, compression=compression)
    for part in range(2):
        confined(FLIPPED, path, part, 4)


def test_a_parquet_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(), path)
    whole = path.read_bytes()
    for size in (*range(1, 40), *range(40, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:size])
        refused(parquet(path))
        path.write_bytes(whole[-size:])
        refused(parquet(path))


# ---------------------------------------------------------------- Parquet: what it says of itself


def varint(value: int) -> bytes:
    """Of Thrift's compact protocol, which has zigzag in front of it."""
    value, out = value << 1 ^ value >> 63, b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def forged(whole: bytes, old: bytes, new: bytes, count: int = 1) -> bytes:
    """A file in whose footer something else is said."""
    length = int.from_bytes(whole[-8:-4], "little")
    body, said = whole[: -8 - length], whole[-8 - length : -8]
    assert said.count(old) >= 1
    said = said.replace(old, new, count)
    return body + said + len(said).to_bytes(4, "little") + b"PAR1"


def test_a_footer_that_lies_about_where_things_are(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": list(range(5000))}), path, use_dictionary=False, compression="none")
    whole = path.read_bytes()
    with path.open("rb") as file:
        chunk = footer.read(file.fileno()).groups[0].chunks[0]
    spec = parquet(path, schema(id="integer"))
    assert len(rows(spec)) == 5000
    for old, new in (
        (chunk.start, chunk.start + 1),
        (chunk.start, 2**40),
        (chunk.start, 0),
        (chunk.size, chunk.size - 100),
        (chunk.size, chunk.size + 2**40),
        (chunk.size, -1),
        (chunk.values, 2**40),
        (chunk.values, 4999),
        (chunk.values, -1),
    ):
        for count in (1, 9):
            path.write_bytes(forged(whole, varint(old), varint(new), count))
            assert len(rows_or_none(spec)) in (0, 5000), (old, new)
    for length in (0, 2**31, len(whole), len(whole) * 100):
        path.write_bytes(whole[:-8] + struct.pack("<I", length) + b"PAR1")
        refused(spec)


def test_a_footer_whose_time_has_no_unit(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    times = pa.table({"at": pa.array([dt.datetime(2024, 1, 2)], pa.timestamp("us", "UTC"))})
    pq.write_table(times, path, store_schema=False)
    number = bytes.fromhex("850a00")  # of a timestamp, where a structure with its unit is due
    path.write_bytes(forged(path.read_bytes(), bytes.fromhex("8c111c2c00000000"), number))
    with path.open("rb") as file:
        assert footer.read(file.fileno()).leaves["at"].scale is None
    assert rows(parquet(path, schema(at="integer"))) == [(1_704_153_600_000_000,)]
    assert "is Int64, but declared as timestamp" in refused(parquet(path, schema(at="timestamp")))


def test_a_page_that_asks_for_too_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2**20)
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"id": [1], "name": ["a" * 3_000_000]}), path, compression="zstd", use_dictionary=False
    )
    assert path.stat().st_size < 100_000
    assert "cannot be read to its end" in refused(parquet(path))
    with path.open("rb") as file:
        told = footer.read(file.fileno())
        with pytest.raises(ValueError):  # noqa: PT011 - a CompactError, which says nothing
            pages.walk(file.fileno(), told.groups[0].chunk(told.leaves["name"]))


READ = """
import sys
from tests.faults.test_hostile_files import read_through
read_through(sys.argv[1])
"""


def read_through(path: str) -> None:
    """Reads a file and keeps nothing of it; prints how many rows, and how much memory it took at most."""
    with files.opened(parquet(Path(path)), Path(path), Place.of(parquet(Path(path))), PLACES) as file:
        spec = parquet(Path(path))
        count = sum(f.height for f in reading.read(file, spec, ALL, 65_536, Place.of(spec)))
    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def test_a_text_that_is_written_once_for_many_rows_takes_no_more_memory(tmp_path: Path) -> None:
    """1,500 rows of 2 MB are 3 GB; the file has one of them."""
    path = tmp_path / "x.parquet"
    for columns in ([("name", pa.string())], [("name", pa.large_string())]):
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * 1_500, pa.int32()), pa.array(["x" * 2_000_000]))
        both = pa.table({"id": list(range(1_500)), "name": texts})
        pq.write_table(both, path, compression="zstd", store_schema=columns[0][1] == pa.string())
        assert path.stat().st_size < 200_000
        count, memory = confined(READ, path).split()
        assert int(count) == 1_500
        assert int(memory) < 1_500_000


def test_texts_that_begin_as_the_one_before_take_no_more_memory(tmp_path: Path) -> None:
    """1,500 rows of 1 MB are 1.5 GB; the file has the beginning of ten of them."""
    path = tmp_path / "x.parquet"
    part = pa.table({"id": list(range(150)), "name": [f"{'x' * 1_000_000}{i}" for i in range(150)]})
    options: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"name": "DELTA_BYTE_ARRAY"}}
    with pq.ParquetWriter(path, part.schema, compression="zstd", **options) as writer:
        for _ in range(10):
            writer.write_table(part)
    assert path.stat().st_size < 200_000
    count, memory = confined(READ, path).split()
    assert int(count) == 1_500
    assert int(memory) < 1_500_000


def test_rows_that_are_too_large_for_a_chunk_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kronkers_batch.data.sources.window_rows._CHUNK", 2**20)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": list(range(20)), "name": ["x" * 100_000] * 20}), path)
    with pytest.raises(SourceError, match=r"(?s)rows of a chunk take more than.*executor\.chunk_rows"):
        rows(parquet(path))
    assert len([row for frame in frames(parquet(path), chunk_rows=5) for row in frame.rows()]) == 20


def test_strange_columns_end_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    strange = {
        "list": pa.array([[1, 2]]),
        "struct": pa.array([{"id": 1, "name": MARKER}]),
        "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        "long decimal": pa.array([1], pa.decimal256(60, 3)),
        "half": pa.array([1.5], pa.float16()),
        "nothing": pa.nulls(1),
        "time": pa.array([dt.time(1)]),
        "bytes that are no text": pa.array([b"\xff\xfe" + MARKER.encode()]),
        "a zone that is none": pa.array([0], pa.timestamp("us", "Nowhere/\x1b[31m")),
    }
    for what, values in strange.items():
        pq.write_table(pa.table({"id": [1], "name": values}), path)
        assert rows_or_none(parquet(path)) in ([(1, None)], []), what
    twice = pa.Table.from_arrays([pa.array([1]), pa.array(["a"]), pa.array(["b"])], ["id", "name", "name"])
    pq.write_table(twice, path)
    assert "several columns called name" in refused(parquet(path))
    nested = pa.table({"id": [1], "name": pa.array([{"first": "a"}]), "name.first": ["b"]})
    pq.write_table(nested, path)
    assert rows(parquet(path, schema(**{"id": "integer", "name.first": "string"}))) == [(1, "b")]


def test_text_that_is_no_utf8_is_an_error_in_each_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    bad = pa.array([f"{MARKER}ok".encode(), MARKER.encode() + b"\xff", None]).view(pa.string())
    for options in ({"use_dictionary": True}, {"use_dictionary": False}, {"data_page_version": "2.0"}):
        pq.write_table(pa.table({"id": [1, 2, 3], "name": bad}), path, **options)
        assert "column name: 1 of 3 rows read hold bytes that are not UTF-8" in refused(parquet(path))


def test_times_beyond_the_years_of_python_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    store = Store(tmp_path / "store")
    for kind, bad, good in (
        (pa.timestamp("us"), 2**62, 253402300799999999),
        (pa.timestamp("us"), -(2**62), -62135596800000000),
        (pa.timestamp("s"), 2**40, 253402300799),
        (pa.date32(), 2**30, 2932896),
        (pa.date32(), -(2**30), -719162),
    ):
        name = "date" if kind == pa.date32() else "timestamp"
        spec = parquet(path, schema(at=name))
        pq.write_table(pa.table({"at": pa.array([good, None], kind)}), path)
        assert store.ingest(spec, identity=f"{kind}{good}").rows == 2
        pq.write_table(pa.table({"at": pa.array([good, bad], kind)}), path)
        with pytest.raises(SourceError, match=r"outside the years 1 to 9999|do not fit"):
            store.ingest(spec, identity=f"{kind}{bad}")


def test_an_encrypted_parquet_file_ends_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(), path)
    whole = path.read_bytes()
    path.write_bytes(b"PARE" + whole[4:-4] + b"PARE")
    assert "not a whole Parquet file" in refused(parquet(path))


def test_a_row_group_is_left_out_only_by_what_it_says_of_its_own_times(tmp_path: Path) -> None:
    """Statistics save reading; for each unit and kind they leave out nothing that is in the window."""
    path = tmp_path / "x.parquet"
    start = dt.datetime(2024, 1, 1)
    timestamps = [start + dt.timedelta(hours=i) for i in range(24 * 10)]
    for kind in (
        *(pa.timestamp(u) for u in ("s", "ms", "us", "ns")),
        pa.timestamp("us", "Asia/Tokyo"),
        pa.date32(),
    ):
        values = pa.array([m.date() if kind == pa.date32() else m for m in timestamps], kind)
        for options in ({}, {"use_deprecated_int96_timestamps": True}, {"write_statistics": False}):
            pq.write_table(pa.table({"at": values}), path, row_group_size=7, **options)
            declared = schema(at="date" if kind == pa.date32() else "timestamp")
            spec = parquet(path, declared, time_column="at")
            every = [row[0] for row in rows(spec)]
            for window in (day("2024-01-03"), day("2024-01-10"), day("2023-12-31"), day("2024-01-01", 10)):
                low, high = window.start, window.end
                assert low is not None
                assert high is not None
                if kind == pa.date32():
                    wanted = [at for at in every if low.date() <= at < high.date()]
                else:
                    wanted = [at for at in every if low <= at < high]
                assert [row[0] for row in rows(spec, window)] == wanted, (kind, options)


def test_decimals_and_fixed_bytes_are_read_as_they_were(tmp_path: Path) -> None:
    from decimal import Decimal

    path = tmp_path / "x.parquet"
    money = pa.array([Decimal("1.25"), None], pa.decimal128(10, 2))
    fixed = pa.array([b"ab", b"cd"], pa.binary(2))
    for options in ({}, {"use_dictionary": False}, {"store_schema": False}):
        pq.write_table(pa.table({"x": money, "name": fixed}), path, **options)
        assert rows(parquet(path, schema(x="float", name="string"))) == [(1.25, "ab"), (None, "cd")]


# ---------------------------------------------------------------- zip and gz

TEXT = "id,name\n" + "".join(f"{i},{MARKER}{i}\n" for i in range(5000))
PLAIN = TEXT.encode()


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def archive(path: Path, *members: tuple[str, bytes], **more: Any) -> bytes:
    with zipfile.ZipFile(path, "w", more.pop("form", zipfile.ZIP_DEFLATED)) as made:
        for name, data in members:
            made.writestr(name, data)
    return path.read_bytes()


def csv(path: Path) -> SourceSpec:
    return source("csv", COLUMNS, path=path)


def test_honest_archives_are_read(tmp_path: Path) -> None:
    quoted = PLAIN.replace(b",PL", b',"PL').replace(b"\n", b'"\n').replace(b'name"', b"name")
    for form in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        for data in (PLAIN, quoted):
            archive(tmp_path / "x.zip", ("folder/", b""), ("folder/x.csv", data), form=form)
            assert len(rows(csv(tmp_path / "x.zip"))) == 5000
    for packer in (
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:1000]) + gzip.compress(PLAIN[1000:]),
        gzip.compress(PLAIN) + gzip.compress(b""),
        gzip.compress(PLAIN) + b"\0" * 600,
    ):
        (tmp_path / "x.csv.gz").write_bytes(packer)
        assert len(rows(csv(tmp_path / "x.csv.gz"))) == 5000
    for suffix, how in {".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4", ".br": "brotli"}.items():
        path = tmp_path / f"x.csv{suffix}"
        with pa.CompressedOutputStream(str(path), how) as stream:  # type: ignore[arg-type]
            stream.write(PLAIN)
        assert len(rows(csv(path))) == 5000
        path.write_bytes(path.read_bytes()[:-60])
        refused(csv(path))


def test_what_an_archive_may_not_be(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    whole = archive(path, ("x.csv", PLAIN))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("x.csv", PLAIN)
    flagged = whole.replace(whole[6:8], b"\x01\x00", 1)
    at = whole.index(b"PK\x01\x02")
    encrypted = flagged[: at + 8] + b"\x01\x00" + flagged[at + 10 :]
    strange = whole[: at + 10] + b"\x63\x00" + whole[at + 12 :]
    for what, (data, said) in {
        "empty": (archive(path), "holds 0 files"),
        "only a folder": (archive(path, ("folder/", b"")), "holds 0 files"),
        "several files": (archive(path, ("a.csv", PLAIN), ("b.csv", PLAIN)), "holds 2 files"),
        "a thousand folders": (
            archive(path, *((f"{i}/", b"") for i in range(1001)), ("a.csv", PLAIN)),
            "files",
        ),
        "encrypted": (encrypted, "is encrypted"),
        "packed in an unknown way": (strange, "no whole zip archive"),
        "another archive": (archive(path, ("x.zip", inner.getvalue())), ""),
        "no archive": (PLAIN, "no whole zip archive"),
    }.items():
        path.write_bytes(data)
        assert said in refused(csv(path)), what


def test_a_name_in_an_archive_leads_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("../../stolen.csv", "/etc/stolen.csv", "a\\..\\..\\stolen.csv", "x\x1b[31m.csv"):
        archive(folder / "x.zip", (name, PLAIN))
        assert len(rows(csv(folder / "x.zip"))) == 5000
        assert [p.name for p in tmp_path.rglob("*")] == ["in", "x.zip"]


@pytest.mark.parametrize("form", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_never_gives_fewer_rows(tmp_path: Path, form: int) -> None:
    """What it says of its contents is compared with them, and its contents end where it says."""
    path = tmp_path / "x.zip"
    archive(path, ("x.csv", PLAIN), form=form)
    shorter = PLAIN[: PLAIN.index(b"\n4000,") + 1]
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02")
    head = {"local": (14, 18, 22), "central": (at + 16, at + 20, at + 24)}

    def saying(checksum: int, stored: int, size: int) -> bytes:
        data = bytearray(whole)
        for fields in head.values():
            for place, value in zip(fields, (checksum, stored, size), strict=True):
                data[place : place + 4] = struct.pack("<I", value)
        return bytes(data)

    stored = struct.unpack("<I", whole[at + 20 : at + 24])[0]
    good = zlib.crc32(PLAIN), stored, len(PLAIN)
    path.write_bytes(saying(*good))
    assert len(rows(csv(path))) == 5000
    ends: Counter[str] = Counter()
    for lie in (
        (zlib.crc32(PLAIN) ^ 1, stored, len(PLAIN)),
        (zlib.crc32(shorter), stored, len(shorter)),
        (zlib.crc32(PLAIN), stored, len(shorter)),
        (zlib.crc32(PLAIN), stored, 2**32 - 1),
        (zlib.crc32(PLAIN), stored - 500, len(PLAIN)),
        (zlib.crc32(shorter), stored - 500, len(shorter)),
        (zlib.crc32(PLAIN), 2**32 - 1, 2**32 - 1),
        (zlib.crc32(PLAIN), stored + 40, len(PLAIN)),
        (0, 0, 0),
    ):
        path.write_bytes(saying(*lie))
        ends[refused(csv(path)).split(": ", 2)[-1].split("\n")[0]] += 1
    assert len(ends) >= 2, ends
    for place in range(30, len(whole) - 30, 997):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert len(rows_or_none(csv(path))) in (0, 5000)
    for size in range(1, len(whole), 1999):
        path.write_bytes(whole[:size])
        refused(csv(path))


def test_a_gz_never_gives_fewer_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    whole = gzip.compress(PLAIN)
    for what, data in {
        "cut off": whole[:-1],
        "without its end": whole[:-8],
        "half": whole[: len(whole) // 2],
        "another checksum": whole[:-8] + b"\0\0\0\0" + whole[-4:],
        "another size": whole[:-4] + b"\0\0\0\0",
        "with something behind it": whole + b"more",
        "with half a file behind it": whole + whole[:100],
        "with zeros and something behind it": whole + b"\0" * 300 + b"more",
        "without its head": whole[10:],
    }.items():
        path.write_bytes(data)
        assert "packed file" in refused(csv(path)), what
    for place in range(10, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        refused(csv(path))


def test_a_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FREE", 2**20)
    row = b"1," + b"a" * 10_000 + b"\n"
    bomb = b"id,name\n" + row * 3000  # 30 MB of which 40 KB are packed
    archive(tmp_path / "x.zip", ("x.csv", bomb))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(bomb))
    (tmp_path / "y.csv.gz").write_bytes(
        b"".join(gzip.compress(part) for part in (b"id,name\n", *[row * 300] * 10))
    )
    archive(tmp_path / "y.zip", ("x.csv", bomb), form=zipfile.ZIP_LZMA)
    with pa.CompressedOutputStream(str(tmp_path / "x.csv.zst"), "zstd") as stream:
        stream.write(bomb)
    for name in ("x.zip", "y.zip", "x.csv.gz", "y.csv.gz", "x.csv.zst"):
        assert "more than 200 times larger" in refused(csv(tmp_path / name)), name
    monkeypatch.setattr(packed, "FREE", 2**30)
    assert len(rows(csv(tmp_path / "x.zip"))) == 3000


def test_a_first_line_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for line in (b'"' + b"x" * 500_000, b"x" * 3_000_000, b'"\x00', b"\xff\xfe\x00i\x00d", b"\x00" * 100):
        path.write_bytes(line + b"\n1,2\n")
        refused(csv(path))


def test_an_input_of_a_query_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(PLAIN)[:-8])
    spec = source(
        "query", COLUMNS, name="q", query="select * from t", inputs={"t": InputRef(source="things")}
    )
    with pytest.raises(SourceError, match="was cut off"):
        rows(spec, others={"things": csv(path)})
    pl.DataFrame({"id": [1], "name": ["a"]}).write_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:-20])
    with pytest.raises(SourceError, match="not a whole Parquet file"):
        rows(spec, others={"things": parquet(tmp_path / "x.parquet")})
