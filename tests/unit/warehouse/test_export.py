"""Exports: whole or not at all, private, harmless to spreadsheets, and faithful."""

import contextlib
import datetime as dt
import errno
import io
import json
import re
import stat
import zipfile
from unittest.mock import Mock

import polars as pl
import pytest

from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.warehouse import export

ROWS = pl.DataFrame(
    {
        "key": [1, 2, None],
        "text": ["plain", 'quo"te, comma', None],
        "score": [0.1, float("nan"), None],
        "day": [dt.date(2013, 6, 1)] * 3,
        "time": pl.Series(
            [dt.datetime(2013, 6, 1, 12, 30, tzinfo=dt.UTC)] * 3, dtype=pl.Datetime("us", "UTC")
        ),
        "late": [True, None, False],
    }
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n-x", "|cmd", "%0A"]
SUFFIXES = [".csv", ".parquet", ".xlsx", ".json", ".jsonl"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_whole_and_private(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert export.write(iter([ROWS, ROWS]), path) == 6
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_replaced_unasked(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export.write([ROWS], path)
    assert path.read_text() == "mine"
    export.write([ROWS], path, force=True)
    assert path.read_bytes() != b"mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"

    def slow():
        yield ROWS
        path.write_text("somebody else's")

    with pytest.raises(UsageError, match="exists already"):
        export.write(slow(), path)
    assert path.read_text() == "somebody else's"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_on_the_way_leaves_nothing(tmp_path, suffix):
    def broken():
        yield ROWS
        raise RuntimeError("the second chunk does not open")

    with pytest.raises(RuntimeError):
        export.write(broken(), tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="there is no such folder") as caught:
        export.write([ROWS], tmp_path / "nowhere" / "out.csv")
    assert f"Make the folder {tmp_path / 'nowhere'}" in caught.value.fix
    with monkeypatch.context() as patch:
        patch.setattr(export.private, "writing", Mock(side_effect=OSError(errno.ENOSPC, "")))
        with pytest.raises(StoreError, match="No space left"):
            export.write([ROWS], tmp_path / "out.csv")
    with pytest.raises(UsageError, match=r"cannot write '\.doc'"):
        export.write([ROWS], tmp_path / "out.doc")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError):
        export.write([ROWS], tmp_path / "folder.csv", force=True)


def test_parquet_is_faithful(tmp_path):
    export.write([ROWS, ROWS], tmp_path / "o.parquet")
    assert pl.read_parquet(tmp_path / "o.parquet").equals(pl.concat([ROWS, ROWS]))


def test_json_is_one_array_and_lines_are_objects(tmp_path):
    export.write([ROWS, ROWS], tmp_path / "o.json")
    export.write([ROWS, ROWS], tmp_path / "o.jsonl")
    array = json.loads((tmp_path / "o.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert array == lines
    assert len(array) == 6
    assert array[0]["time"] == "2013-06-01T12:30:00+00:00"
    export.write([ROWS.head(0)], tmp_path / "empty.json")
    assert json.loads((tmp_path / "empty.json").read_text()) == []


def test_csv_has_one_header(tmp_path):
    export.write([ROWS, ROWS], tmp_path / "o.csv")
    back = pl.read_csv(tmp_path / "o.csv")
    assert back.columns == ROWS.columns
    assert back["text"].to_list() == ROWS["text"].to_list() * 2


def test_formulas_are_defused_in_csv(tmp_path):
    rows = pl.DataFrame({"=name": FORMULAS, "n": [-1] * len(FORMULAS), "ok": ["a=b"] * len(FORMULAS)})
    export.write([rows], tmp_path / "o.csv")
    back = pl.read_csv(tmp_path / "o.csv")
    assert back.columns == ["'=name", "n", "ok"]
    assert back["'=name"].to_list() == ["'" + text for text in FORMULAS]
    assert back["n"].to_list() == rows["n"].to_list()
    assert back["ok"].to_list() == rows["ok"].to_list()


def test_formulas_and_links_are_texts_in_excel(tmp_path):
    # The last is a formula to Excel's files alone, so it gets no apostrophe.
    texts = [*FORMULAS, "https://example.org", "{=1+1}"]
    rows = pl.DataFrame({"t": texts, "n": [1.5] * len(texts)})
    export.write([rows], tmp_path / "o.xlsx")
    with zipfile.ZipFile(tmp_path / "o.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert not re.search("<f[ >]", sheet)
    assert "hyperlink" not in sheet
    assert "'=1+1" in texts


def test_a_sheet_has_an_end(tmp_path):
    frames = (pl.DataFrame({"n": range(400_000)}) for _ in range(3))
    with pytest.raises(UsageError, match="1,048,575"):
        export.write(frames, tmp_path / "o.xlsx")
    assert list(tmp_path.iterdir()) == []


WIDE = {
    "digits": [1, -(10**15) - 1],
    "sums": pl.Series([1, 10**15 + 1], dtype=pl.Decimal(38, 0)),
    "long": ["x", "x" * 32_768],
    "old": [dt.date(1900, 2, 28), None],
    "older": pl.Series([dt.datetime(1850, 1, 1, tzinfo=dt.UTC), None]),
    "infinite": [1.0, float("-inf")],
    "bytes": [b"x", None],
    "list": [[1], None],
    "span": [dt.timedelta(1), None],
}
NO_TEXT = {"bytes", "list", "span"}


@pytest.mark.parametrize("column", WIDE)
def test_what_a_format_would_change_is_refused_and_named(tmp_path, column):
    rows = pl.DataFrame({column: WIDE[column]})
    for suffix in SUFFIXES:
        with contextlib.suppress(UsageError):
            export.write([rows], tmp_path / f"o{suffix}")
    refused = {suffix for suffix in SUFFIXES if not (tmp_path / f"o{suffix}").exists()}
    only_excel = set() if column == "infinite" else {".xlsx"}
    json = {".json", ".jsonl"} if column in NO_TEXT | {"infinite"} else set()
    assert refused == only_excel | json | ({".csv"} if column in NO_TEXT else set())
    assert not list(tmp_path.glob(".*"))
    if json:
        with pytest.raises(UsageError, match="column 1 "):
            export.print_json_rows([rows], io.StringIO())


def test_what_a_format_just_holds_is_written(tmp_path):
    texts = pl.DataFrame({"t": ["x" * 32_767, None], "n": [10**15, -(10**15)]})
    timestamps = [dt.datetime(1900, 3, 1, tzinfo=dt.UTC), None]
    rows = texts.with_columns(pl.Series("at", timestamps), x=pl.Series([float("nan"), None]))
    for suffix in SUFFIXES:
        assert export.write([rows, rows.head(0)], tmp_path / f"o{suffix}") == 2


def test_a_table_has_every_column_and_few_rows():
    wide = pl.DataFrame({f"a_rather_long_name_{n}": [n] * 50 for n in range(40)})
    out = io.StringIO()
    assert export.print_table([wide, wide], out, limit=5) == 100
    lines = out.getvalue().splitlines()
    assert len(lines) == 1 + 5 + 1
    assert all(f"a_rather_long_name_{n}" in lines[0] for n in range(40))
    assert "95 more rows" in lines[-1]


def test_a_table_shows_no_control_characters():
    out = io.StringIO()
    export.print_table([pl.DataFrame({"t": ["a\x1b[2Jb", "x" * 99, None]})], out)
    assert "\x1b" not in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 32


def test_json_rows_are_printed():
    out = io.StringIO()
    assert export.print_json_rows([ROWS], out) == 3
    assert json.loads(out.getvalue().splitlines()[0])["key"] == 1


@pytest.mark.parametrize(("limit", "there"), [(1, 1), (3, 3), (4, 4), (9, 6)])
def test_no_more_json_rows_are_printed_than_were_asked_for(limit, there):
    out = io.StringIO()
    assert export.print_json_rows([ROWS, ROWS], out, limit=limit) == there
    assert len(out.getvalue().splitlines()) == there
