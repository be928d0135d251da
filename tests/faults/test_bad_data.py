"""What goes wrong with data, as users meet it: each ends in words that say where, what and what to do."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import InputRef, Origin
from kronkers_batch.data import duck
from kronkers_batch.errors import CheckFailed, KronkersError, SourceError
from tests.data_support import MARKER, Store, check, day, holds, rows, schema, source, write_csv

COLUMNS = schema(id="integer", x="float")
ROOT = Path(__file__).resolve().parents[2]


def said(error: KronkersError) -> str:
    text = str(error)
    assert "conf/source/" in text, text
    assert "->" in text, text
    assert MARKER not in text, text
    assert error.__cause__ is None
    return text


def fails(spec: Any, **more: Any) -> str:
    with pytest.raises(SourceError) as caught:
        rows(spec, **more)
    return said(caught.value)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_missing_file(tmp_path: Path, kind: str) -> None:
    text = fails(source(kind, COLUMNS, path=tmp_path / "sub" / "x.dat"))
    assert f"there is no file {tmp_path}/sub/x.dat" in text
    assert f"nearest folder that exists is {tmp_path}" in text


def test_a_pattern_that_no_file_fits_and_a_folder(tmp_path: Path) -> None:
    assert "no file matches" in fails(source("csv", COLUMNS, path=tmp_path / "*.csv"))
    assert "is a folder" in fails(source("csv", COLUMNS, path=tmp_path))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_empty_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    path.touch()
    assert f"{path}: the file is empty" in fails(source(kind, COLUMNS, path=path))


def test_column_names_and_no_rows_are_fine(tmp_path: Path) -> None:
    assert rows(source("csv", COLUMNS, path=write_csv(tmp_path / "x.csv", "id,x\n"))) == []


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": range(100_000), "x": [0.5] * 100_000}).write_parquet(path)
    whole = path.read_bytes()
    for raw in (whole[: len(whole) // 2], whole[:100] + b"\xff" * 300 + whole[400:], b"PAR1" + b"x" * 100):
        path.write_bytes(raw)
        fails(source("parquet", COLUMNS, path=path))


def test_a_broken_archive(tmp_path: Path) -> None:
    for name, words in {"x.csv.gz": "is damaged", "x.csv.zip": "no whole zip archive"}.items():
        (tmp_path / name).write_bytes(b"\x1f\x8b nonsense")
        assert words in fails(source("csv", COLUMNS, path=tmp_path / name))


def test_a_changed_csv_type_names_column_types_and_counts(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", f"id,x\n1,0.5\n{MARKER},0.5\n2.5,1\n")
    text = fails(source("csv", COLUMNS, path=path))
    assert f"{path}: column id is declared integer, but in 2 of the 3 rows that were read the " in text
    assert "the number or text is no integer" in text


def test_a_float_that_is_none_far_down_in_a_large_file(tmp_path: Path) -> None:
    lines = [f"{i},{i / 7}" for i in range(150_000)]
    lines[140_000] = f"140000,{MARKER}"
    path = write_csv(tmp_path / "x.csv", "id,x\n" + "\n".join(lines) + "\n")
    text = fails(source("csv", COLUMNS, path=path))
    assert f"{path}: column x is declared float, but in 1 of the " in text
    assert "the text is no float" in text


def test_a_column_that_is_gone(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", "id,xx\n1,0.5\n")
    assert "x (did you mean xx?)" in fails(source("csv", COLUMNS, path=path))
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "x.parquet")
    text = fails(source("parquet", COLUMNS, path=tmp_path / "x.parquet"))
    assert "1 declared column is not there: x" in text


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", "id,x,x\n1,0.5,0.5\n")
    assert "several columns called x" in fails(source("csv", COLUMNS, path=path))


def test_a_ragged_row_and_an_open_quote(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", f"id,x\n1,0.5\n2,0.5,{MARKER}\n")
    assert "3 fields where the first line has 2" in fails(source("csv", COLUMNS, path=path))
    for quoted in ("1,0.5", '1,"0.5"'):
        write_csv(path, f"id,x\n{quoted}\n,,\n2,0.5\n")
        assert "3 fields where the first line has 2" in fails(source("csv", COLUMNS, path=path))
    write_csv(path, f'id,x\n1,"0.5\n{MARKER}\n')
    fails(source("csv", COLUMNS, path=path))


def packed(path: Path, text: str) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.csv", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.zip"])
@pytest.mark.parametrize("at", [1, 500, 999])
def test_an_open_quote_in_a_text_takes_no_rows_with_it(tmp_path: Path, name: str, at: int) -> None:
    texts = ["a", 'the 5" one', '"two\nlines, ""both"""']
    lines = [f"{i},{texts[i % 3]}" for i in range(1_000)]
    path = packed(tmp_path / name, "id,note\n" + "\n".join(lines))
    declared = source("csv", schema(id="integer", note="string"), path=path)
    assert len(rows(declared)) == 1_000
    lines[at] = f'{at},"{MARKER}'
    text = "id,note\n" + "\n".join([*lines[: at + 1], *["2000,a"] * 10])
    packed(path, text)
    assert "a quote is opened and never closed" in fails(declared)
    packed(path, text + "\r\n")
    assert "a quote is opened and never closed" in fails(declared)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"])
def test_text_that_is_not_utf8(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(b"id,name\n1,ok\n2," + MARKER.encode() + raw + b"\n")
    columns = schema(id="integer", name="string")
    text = fails(source("csv", columns, path=tmp_path / "x.csv"))
    assert "column name: 1 of 2 rows read hold bytes that are not UTF-8" in text
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("create table t (id integer, name text)")
        db.execute("insert into t values (1, cast(? as text))", (MARKER.encode() + raw,))
    url = Secret(f"sqlite:///{tmp_path}/x.db")
    assert "not UTF-8" in fails(source("database", columns, url=url, query="t"))


def test_a_nul_byte_in_text(tmp_path: Path) -> None:
    columns = schema(id="integer", name="category")
    frame = pl.DataFrame({"id": [1, 2], "name": ["a", f"{MARKER}\0"]})
    frame.write_parquet(tmp_path / "x.parquet")
    text = fails(source("parquet", columns, path=tmp_path / "x.parquet"))
    assert "column name: 1 of 2 rows read hold a NUL byte" in text


def test_a_decimal_column(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": [1], "x": [1.25]}).with_columns(pl.col("x").cast(pl.Decimal(10, 2))).write_parquet(
        path
    )
    assert rows(source("parquet", COLUMNS, path=path)) == [(1, 1.25)]
    text = fails(source("parquet", schema(id="integer", x="string"), path=path))
    assert "Decimal" in text


def test_a_file_that_may_not_be_read() -> None:
    # Not in tmp_path, whose parents pytest shuts to other accounts.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        may_not_be_read(write_csv(Path(folder) / "x.csv", "id,x\n1,1\n"))


def may_not_be_read(path: Path) -> None:
    path.chmod(0)
    # Root may read anything, so the child gives root up once it has read, and so imported everything.
    program = textwrap.dedent("""
        import os, sys
        sys.path.insert(0, sys.argv[2])
        from tests.data_support import rows, schema, source
        spec = source("csv", schema(id="integer"), path=sys.argv[1])
        os.chmod(sys.argv[1], 0o644)
        assert rows(spec) == [(1,)]
        os.chmod(sys.argv[1], 0)
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            rows(spec)
        except Exception as error:
            print(type(error).__name__, error)
    """)
    got = subprocess.run(
        [sys.executable, "-c", program, str(path), str(ROOT)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert "SourceError" in got.stdout, got.stderr
    assert "may not be read" in got.stdout


# ---------------------------------------------------------------- rows


def test_repeated_and_missing_keys(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = write_csv(tmp_path / "x.csv", "id,x\n1,0.5\n1,0.5\n,1\n")
    at = {"key": Origin("conf/source/things.yaml", 11, "key")}
    with pytest.raises(CheckFailed) as caught:
        store.ingest(source("csv", COLUMNS, path=path, key=("id",), origins=at))
    text = said(caught.value)
    assert "conf/source/things.yaml:11: key: nulls(id): 1 of 3 rows" in text
    assert "conf/source/things.yaml:11: key: unique(id): 1 of 3 rows" in text
    assert "2 checks failed" in text
    assert caught.value.fix == "Ask whoever delivers the data, or correct `key:`"


def test_a_date_without_rows(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = write_csv(tmp_path / "x.csv", "id,at\n1,2013-06-01\n")
    columns = schema(id="integer", at="date")
    assert store.ingest(source("csv", columns, path=path, time_column="at"), day("2013-07-04")).rows == 0
    strict = source("csv", columns, path=path, time_column="at", checks=(check("rows", min=1, max=None),))
    with pytest.raises(CheckFailed, match="rows: there are 0 rows") as caught:
        store.ingest(strict, day("2013-07-04"))
    assert "2013-07-04 to 2013-07-05" in said(caught.value)


# ---------------------------------------------------------------- DuckDB


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": range(2000), "name": [f"{MARKER}{i}" for i in range(2000)]}).write_parquet(path)
    return {"a": source("parquet", schema(id="integer", name="string"), name="a", path=path)}


def query(text: str, **more: Any) -> Any:
    return source(
        "query", schema(x="string"), name="q", query=text, inputs={"a": InputRef(source="a")}, **more
    )


@pytest.mark.parametrize(
    "attack",
    [
        "select content as x from read_text('/etc/passwd')",
        "select filename as x from read_blob('/etc/hostname')",
        "select file as x from glob('/etc/*')",
        "select * from read_csv('/etc/passwd', columns={'x': 'VARCHAR'}, delim='|')",
        "select x from '{folder}/secret.csv'",
        "select content as x from read_text('{folder}/identity.key')",
        "select content as x from read_text('{folder}/a.parquet/../identity.key')",
        "select content as x from read_text('{folder}/link')",
        "select secret_variable as x from secret_frame",
        "select x from secret_frame",
        "select getenv('HOME') as x",
        "copy (select 'a' as x) to '{folder}/out.csv'",
        "attach '{folder}/out.db' as other",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '100GB'",
        "pragma database_list",
        "call pragma_version()",
        "create table t as select 1 as x",
        "select 'a' as x; copy a to '{folder}/out.csv'",
        "with t as (delete from a returning name) select name as x from t",
        "select x from read_parquet('https://nowhere.invalid/x.parquet')",
        "select 1) as t; copy a to '{folder}/out.csv'; select * from (select 'a' as x",
    ],
)
def test_a_query_reads_what_is_declared_and_nothing_else(
    tmp_path: Path, inputs: dict[str, Any], attack: str
) -> None:
    secret_frame = pl.DataFrame({"x": [MARKER]})
    write_csv(tmp_path / "identity.key", MARKER)
    write_csv(tmp_path / "secret.csv", f"x\n{MARKER}\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    before = set(os.listdir(tmp_path))
    fails(query(attack.replace("{folder}", str(tmp_path))), others=inputs)
    assert set(os.listdir(tmp_path)) == before
    assert secret_frame.height == 1


def test_every_lock_is_on() -> None:
    with duck.connect(64 * 2**20) as connection:

        def setting(name: str) -> str:
            return str(connection.execute(f"select current_setting('{name}')").fetchone()[0])

        assert setting("allowed_paths") == "[]"
        assert setting("temp_directory") == ""
        for name in (
            "python_enable_replacements",
            "autoinstall_known_extensions",
            "autoload_known_extensions",
        ):
            assert setting(name) == "False", name
        assert setting("enable_external_access") == "False"
        assert setting("lock_configuration") == "True"
        assert setting("memory_limit") == "64.0 MiB"


def test_a_query_larger_than_its_memory_fails_and_spills_nothing(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(temporary))
    big = query(
        "select l.name || r.name as x from a l cross join a r order by hash(l.name || r.name)",
        memory=48 * 2**20,
    )
    text = fails(big, others=inputs)
    assert "more than the 48 MB it may use" in text
    assert "`memory:`" in text
    assert list(work.iterdir()) == []
    assert list(temporary.iterdir()) == []
    inputs_only = [tmp_path / "a.parquet"]
    assert [f for f in holds(tmp_path, MARKER) if f not in inputs_only] == []


# ---------------------------------------------------------------- a killed ingest

KILLED = """
import sys, time
from pathlib import Path
from kronkers_batch.config.secret import Secret
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.vault.context import Scope
from kronkers_batch.access.setup import open_vault
from tests.data_support import ALL, PLACES, schema, source
folder = Path(sys.argv[1])
db = Database(Secret(f"sqlite:///{folder}/warehouse/kronkers.db"))
snapshots = Snapshots(db, ArtifactStore(str(folder / "artifacts")), open_vault(db, folder / "keys/me.key"))

def progress(rows):
    if rows >= 3000:
        print("now", flush=True)
        time.sleep(60)

spec = source("parquet", schema(id="integer", name="string"), path=sys.argv[2], key=("id",))
options = {"scope": Scope(spec.department), "sources": {}, "chunk_rows": 500, "piece_rows": 100}
options["places"] = PLACES
options["add_entry"] = lambda *_: None
snapshots.ingest(spec, ALL, "i1", None, progress=progress, **options)
"""


def test_a_killed_ingest_shows_nothing_and_leaves_ciphertext_that_sweep_removes(tmp_path: Path) -> None:
    import datetime as dt

    store = Store(tmp_path / "store")
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": range(5000), "name": [f"{MARKER}{i}" for i in range(5000)]}).write_parquet(path)
    work = tmp_path / "work"
    work.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(work)}
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.folder), str(path)],
        stdout=subprocess.PIPE,
        cwd=work,
        env=environment,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "now\n"
    deadline = time.monotonic() + 30
    while len(store.artifacts.list("snapshots")) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    left = store.artifacts.list("snapshots")
    assert left
    assert holds(store.folder, MARKER) == []
    assert holds(work, MARKER) == []
    assert store.find("i1") is None
    assert store.snapshots.sweep(dt.timedelta(seconds=-1)) == 1
    assert store.artifacts.list("") == []
    spec = source("parquet", schema(id="integer", name="string"), path=path, key=("id",))
    assert store.ingest(spec).rows == 5000
