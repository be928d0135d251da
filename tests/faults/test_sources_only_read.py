"""A source only reads: whatever its SQL says, whatever the file holds, and never for ever."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.data.sources import files, sqlite_file
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.errors import SourceError, UsageError
from kronkers_batch.warehouse import sql
from tests.data_support import ALL, MARKER, PLACES, rows, schema, source, watermark
from tests.faults.departments import Departments

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = schema(id="integer", name="string")
SECOND = dt.timedelta(seconds=1)
VISITS = """\
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}
key: [id]
time_column: at
"""
ENDLESS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"


def make(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as db:
        db.execute("create table t (id integer, name text)")
        db.executemany("insert into t values (?, ?)", [(i, f"{MARKER}{i}") for i in range(100)])
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


def database(path: Path, query: str = "t", **more: Any) -> SourceSpec:
    return source(
        "database", more.pop("columns", COLUMNS), url=Secret(f"sqlite:///{path}"), query=query, **more
    )


def refused(spec: SourceSpec, **more: Any) -> str:
    with pytest.raises(SourceError) as caught:
        rows(spec, **more)
    text = str(caught.value)
    assert MARKER not in text, text
    assert "->" in text, text
    assert caught.value.__cause__ is None
    return text


# ---------------------------------------------------------------- what SQL may not do

WRITES = [
    "VACUUM INTO '{folder}/stolen'",
    "VACUUM",
    "ATTACH '{folder}/stolen' AS z",
    "ATTACH '{folder}/stolen' AS z; SELECT 1",
    "DELETE FROM t WHERE id = 5 RETURNING 1",
    "WITH d AS (DELETE FROM t RETURNING id) SELECT id FROM d",
    "INSERT INTO t VALUES (1, 'x') RETURNING id",
    "UPDATE t SET id = 1 RETURNING id",
    "CREATE TABLE evil (a)",
    "CREATE TEMP TABLE evil AS SELECT 1",
    "CREATE VIRTUAL TABLE evil USING fts5(a)",
    "DROP TABLE t",
    "ALTER TABLE t RENAME TO u",
    "REINDEX",
    "ANALYZE",
    "BEGIN EXCLUSIVE",
    "COMMIT",
    "PRAGMA user_version = 77",
    "PRAGMA user_version",
    "PRAGMA journal_mode = WAL",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "SELECT 1; DELETE FROM t",
    "SELECT id FROM t) AS a; DELETE FROM t; SELECT * FROM (SELECT id FROM t",
    "SELECT 1 AS id, load_extension('{folder}/x.so')",
    "SELECT 1 AS id, writefile('{folder}/stolen', 'x')",
    "SELECT 1 AS id, readfile('{folder}/t.db')",
    "SELECT 1 AS id, fts3_tokenizer('simple')",
    "SELECT 1 AS id, sqlite_compileoption_get(1)",
    "SELECT user_version AS id FROM pragma_user_version",
    "SELECT name AS id FROM pragma_table_info('t')",
    "SELECT count(*) AS id FROM dbstat",
    "SELECT count(*) AS id FROM sqlite_stmt",
    "SELECT count(*) AS id FROM fts",
    "SELECT 1 AS id \0",
]


def test_nothing_is_written_and_no_other_file_is_reached(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "create virtual table fts using fts5(a)")
    before = path.read_bytes()
    for attack in WRITES:
        text = attack.replace("{folder}", str(tmp_path))
        columns = schema(id="integer")
        query, mark = database(path, text, columns=columns), database(path, columns=columns, watermark=text)
        assert "conf/source/things.yaml" in refused(query), attack
        with pytest.raises(SourceError, match="the watermark query") as caught:
            watermark(mark, ALL)
        assert MARKER not in str(caught.value)
        assert path.read_bytes() == before, attack
        assert os.listdir(tmp_path) == ["t.db"], attack


def test_each_lock_of_a_file_holds_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    spec = database(path)
    with (
        files.opened(spec, path, Place.of(spec), PLACES) as file,
        sqlite_file.opened(file, SECOND * 60, Place.of(spec), "query") as session,
    ):
        raw = session._connection
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            raw.execute("delete from t")
        raw.set_authorizer(None)
        assert raw.execute("pragma trusted_schema").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("delete from t")
        with pytest.raises(sqlite3.OperationalError, match="too many attached"):
            raw.execute("attach ? as z", (str(tmp_path / "z"),))
        raw.execute("pragma query_only = off")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("delete from t")
    with (
        files.opened(spec, path, Place.of(spec), PLACES) as file,
        sqlite_file.opened(file, SECOND * 60, Place.of(spec), "query") as session,
    ):
        raw = session._connection
        raw.set_authorizer(None)
        assert raw.execute("pragma query_only").fetchone() == (1,)


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "create virtual table fts using fts5(a)")
    said = {
        "SELECT 1 AS id, load_extension('x') AS name": "it calls the function load_extension",
        "SELECT 1 AS id, a AS name FROM fts": "it does something else than to read tables and views",
        "SELECT 1 AS id; SELECT 2": "not a single SELECT",
        "PRAGMA user_version": "does not exist",
        "SELECT 1 AS id /*": "not a single SELECT",
        "SELECT id, nix AS name FROM t": "a table, column or function that does not exist",
    }
    for query, words in said.items():
        text = refused(database(path, query))
        assert words in text, text
    with pytest.raises(SourceError, match="Correct `watermark:`"):
        watermark(database(path, watermark="PRAGMA user_version"), ALL)


def test_what_honest_queries_use_goes_on_working(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "create view v as select id, upper(name) as name from t where id < 3")
    honest = {
        "v": 3,
        "main.t": 100,
        "SELECT id, substr(name, 1, 3) || printf('%05d', id) AS name FROM t WHERE name LIKE '%c1%'": 11,
        "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 9) "
        "SELECT id, strftime('%Y', '2024-01-01') AS name FROM r": 9,
        "SELECT value AS id, json_extract('{\"a\": \"b\"}', '$.a') AS name FROM json_each('[1, 2]')": 2,
        "SELECT max(id) AS id, group_concat(name) AS name FROM t GROUP BY id % 2": 2,
        "SELECT id, lag(name) OVER (ORDER BY id) AS name FROM t": 100,
        "SELECT id, name FROM t -- as it is;": 100,
        "SELECT id, name FROM t;": 100,
        "SELECT id, ':from ''$to''' AS name FROM t": 100,
        "VALUES (1, 'x')": 0,
    }
    for query, count in honest.items():
        if query.startswith("VALUES"):
            assert "none of them declared" in refused(database(path, query))
        else:
            assert len(rows(database(path, query))) == count, query
    for mark, value in {
        "SELECT max(id) FROM t": "99",
        "SELECT count(*) || '-' || max(id) FROM t WHERE id < 5;": "'5-4'",
        "SELECT max(id) FROM t WHERE '2024-01-01' < :to": "99",
        "SELECT NULL": "None",
    }.items():
        assert watermark(database(path, watermark=mark), ALL) == value, mark


def test_a_watermark_is_one_short_value(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    for mark in ("SELECT 1, 2", "SELECT id FROM t", "SELECT id FROM t WHERE id < 0"):
        with pytest.raises(SourceError, match="does not return exactly one value"):
            watermark(database(path, watermark=mark), ALL)
    with pytest.raises(SourceError, match="a value that is too long"):
        watermark(database(path, watermark="SELECT hex(zeroblob(10000))"), ALL)


def test_a_missing_file_is_not_made_and_a_strange_url_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    there = make(tmp_path / "t.db")
    for url, said in {
        f"sqlite:///{tmp_path}/none.db": "there is no file",
        f"sqlite:///{tmp_path}": "it is a folder, a device",
        f"sqlite:///{tmp_path}/pipe": "it is a folder, a device",
        "sqlite://": "names no file",
        "sqlite:///:memory:": "names no file",
        f"sqlite:///file:{there}?mode=rwc&uri=true": "has options",
        f"sqlite:///{there}?timeout=9": "has options",
        f"sqlite+pysqlcipher:///{there}": "cannot be opened for reading only",
        "mysql+pymysql://u:p@nowhere.invalid/db": "cannot be opened for reading only",
        f"duckdb:///{there}": "cannot be opened for reading only",
        "no url": "the URL is not valid",
    }.items():
        text = refused(source("database", COLUMNS, url=Secret(url), query="t"))
        assert said in text, (url, text)
    assert sorted(os.listdir(tmp_path)) == ["pipe", "t.db"]


def test_a_file_that_is_exchanged_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite opens by name; between the judging and the opening somebody puts another file there."""
    path, other = make(tmp_path / "t.db"), make(tmp_path / "other.db")
    connect = sqlite3.connect

    def exchanged(*arguments: Any, **options: Any) -> sqlite3.Connection:
        if other.exists():
            other.replace(path)
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", exchanged)
    assert "was exchanged while it was opened" in refused(database(path))


def test_a_database_that_another_program_writes_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "pragma user_version = 1")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    writer.execute("begin immediate")
    writer.execute("insert into t values (1000, 'new')")
    assert len(rows(database(path))) == 100
    writer.execute("commit")
    assert len(rows(database(path))) == 101
    writer.close()
    assert len(rows(database(path))) == 101


def test_names_of_tables_and_columns_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as db:
        db.execute('create table "Größe" ("a ""b""" integer, "select" text)')
        db.execute("insert into \"Größe\" values (1, 'x')")
    spec = database(path, "Größe", columns=schema(**{'a "b"': "integer", "select": "string"}))
    assert rows(spec) == [(1, "x")]


# ---------------------------------------------------------------- the warehouse


def test_a_warehouse_is_never_a_source(company: Departments) -> None:
    query = "SELECT seq AS id, action AS name FROM ledger"
    copy, link = company.folder / "copy.db", company.folder / "link.db"
    link.symlink_to(company.database)
    os.link(company.database, company.folder / "hard.db")
    with sqlite3.connect(company.database) as db:
        db.execute("vacuum into ?", (str(copy),))
    for path in (company.database, copy, link, company.folder / "hard.db"):
        assert "is a warehouse of kronkers" in refused(database(path, query))
        with pytest.raises(SourceError, match="is a warehouse of kronkers"):
            watermark(database(path, watermark="SELECT count(*) FROM ledger"), ALL)


def test_a_night_whose_watermark_writes_changes_nothing(company: Departments) -> None:
    path = make(company.folder / "data/x.db")
    before = sorted(company.folder.rglob("*.db"))
    for mark in ("VACUUM INTO '{folder}/stolen.db'", "DELETE FROM t RETURNING 1", "SELECT count(*) FROM t"):
        text = mark.replace("{folder}", str(company.folder))
        company.write(
            "conf/source/visits.yaml",
            "department: sales\nkind: database\n"
            "query: SELECT id, name AS colour, '2024-01-10' AS at, 0.5 AS x, 1 AS y FROM t\n"
            f"url: {json.dumps(f'sqlite:///{path}')}\nwatermark: {json.dumps(text)}\n" + VISITS,
        )
        done = company.run("run", "buys", code=None)
        assert ("the watermark query" in done.stdout + done.stderr) is (mark != "SELECT count(*) FROM t"), (
            mark
        )
        assert sorted(company.folder.rglob("*.db")) == before
        with sqlite3.connect(path) as db:
            assert db.execute("select count(*) from t").fetchone() == (100,)


def test_a_database_that_cannot_be_read_only_is_a_configuration_error(company: Departments) -> None:
    company.write(
        "conf/source/visits.yaml",
        "department: sales\nkind: database\nquery: t\nurl: mysql://SECRETWORD@nowhere.invalid/db\n" + VISITS,
    )
    done = company.run("check", code=2)
    text = done.stdout + done.stderr
    assert "conf/source/visits.yaml:4" in text
    assert "cannot be opened for reading only" in text
    assert "SECRETWORD" not in text


# ---------------------------------------------------------------- time and memory


def endless() -> dict[str, str]:
    return {
        "rows": f"{ENDLESS} SELECT i AS id, 'x' AS name FROM r",
        "work": f"{ENDLESS} SELECT max(i) AS id, '' AS name FROM r",
        "join": "SELECT sum(a.id * h.id) AS id, '' AS name FROM t a, t b, t c, t d, t e, t f, t g, t h",
    }


def test_an_endless_query_is_stopped_and_the_key_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    for query in endless().values():
        text = refused(database(path, query, time_limit=SECOND / 2))
        assert "the query took longer than 0.5s" in text
        assert "or raise `time_limit:`" in text
        with pytest.raises(SourceError, match=r"the query took longer than 0\.5s\n.*`watermark:`") as caught:
            watermark(database(path, watermark=f"SELECT max(id) FROM ({query})", time_limit=SECOND / 2), ALL)
        assert "the watermark query" in str(caught.value)


def test_an_endless_query_of_duckdb_is_stopped_and_the_key_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    inputs = {"inputs": {"t": InputRef(source="things")}, "time_limit": SECOND / 2}
    for query in (
        "SELECT range AS id, '' AS name FROM range(1000000000000)",
        "SELECT count(*) AS id, '' AS name FROM range(1000000000000)",
        "SELECT sum(a.range * b.range) AS id, '' AS name FROM range(10000000) a, range(10000000) b",
    ):
        spec = source("query", COLUMNS, name="q", query=query, **inputs)
        text = refused(spec, others={"things": database(path)})
        assert "the query took longer than 0.5s" in text
        assert "or raise `time_limit:`" in text
    with pytest.raises(UsageError, match=r"took longer than 0\.5s"):
        sql.run("SELECT count(*) FROM range(1000000000000)", [], lambda _: iter(()), limit=SECOND / 2)


def test_an_error_amid_a_streamed_result_is_told_without_its_value(tmp_path: Path) -> None:
    query = (
        f"SELECT CASE WHEN i = 900000 THEN CAST('{MARKER}' || i AS INTEGER) ELSE 1 END AS id, '' AS name "
        "FROM range(1000000) r(i)"
    )
    spec = source("query", COLUMNS, name="q", query=query)
    assert "could not be converted" in refused(spec)


LARGE = {
    # Each value is nearly as long as one may be, and there are 1.8 GB of them; the last is too long.
    f"{ENDLESS} SELECT i AS id, "
    "hex(zeroblob(CASE WHEN i = 3000 THEN 700000 ELSE 300000 END)) AS name FROM r LIMIT 3000": (
        "a value of column name is longer than 1 MB"
    ),
    "SELECT 1 AS id, hex(zeroblob(1000000000)) AS name": "a value is longer than 1 MB",
    "SELECT 1 AS id, replace(hex(zeroblob(999999)), '0', hex(zeroblob(99))) AS name": "longer than 1 MB",
    f"{ENDLESS} SELECT i AS id, hex(zeroblob(1000)) AS name FROM r ORDER BY 2, 1": "more than the 1 GB",
}


def read_large(path: str) -> None:
    """Reads what is too large; prints how much memory it took at most."""
    for query, words in LARGE.items():
        with pytest.raises(SourceError, match=words):
            for _ in sources.read(database(Path(path), query), ALL, sources={}, places=PLACES, chunk_rows=50):
                pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def test_a_query_of_many_values_needs_little_memory(tmp_path: Path) -> None:
    program = "import sys; from tests.faults import test_sources_only_read as t; t.read_large(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(make(tmp_path / "t.db"))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30)),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 1_700_000


def test_a_reader_who_stops_early_leaves_no_thread_and_no_lock(tmp_path: Path) -> None:
    import threading

    path = make(tmp_path / "t.db")
    before = threading.active_count()
    found = iter(
        CheckedRows(database(path, endless()["rows"]), ALL, None, sources={}, places=PLACES, chunk_rows=10)
    )
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    with sqlite3.connect(path, timeout=0) as db:
        db.execute("delete from t")


# ---------------------------------------------------------------- what a file may hold


def test_a_hostile_file_ends_in_words(tmp_path: Path) -> None:
    path = tmp_path / "t.db"

    def crafted(*statements: str) -> None:
        path.unlink(missing_ok=True)
        make(path)
        with sqlite3.connect(path) as db:
            for statement in ("pragma writable_schema = on", *statements):
                db.execute(statement)
        db.close()

    evil = {
        "a view that loads code": (
            "create view v as select id, load_extension('x') as name from t", "v", "a view of the file"),
        "a view that calls what is not there": (
            "create view v as select id, writefile('x', name) as name from t", "v", "does not exist"),
        "a view over a pragma": (
            "create view v as select 1 as id, name from pragma_database_list", "v", ""),
        "a view of itself": (
            "insert into sqlite_master values ('view','v','v',0,'create view v as select * from v')",
            "v", ""),
        "a table whose rows are the schema": (
            "update sqlite_master set rootpage = 1 where name = 't'", "t", ""),
        "a table whose pages are beyond the file": (
            "update sqlite_master set rootpage = 123456 where name = 't'", "t", ""),
        "a schema that is no SQL": (
            f"update sqlite_master set sql = 'create tabel {MARKER}' where name = 't'", "t", ""),
        "a virtual table that looks like an ordinary one": (
            "insert into sqlite_master values ('table','v','v',3,'create/**/virtual table v using dbstat')",
            "v", ""),
    }  # fmt: skip
    for what, (statement, query, said) in evil.items():
        crafted(statement)
        text = refused(database(path, query))
        assert said in text, (what, text)
    crafted("create trigger g after insert on t begin delete from t; end")
    assert len(rows(database(path))) == 100
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    refused(database(path))
    path.write_bytes(b"x" * 5000)
    assert "no SQLite database" in refused(database(path))


def test_every_flipped_part_of_a_file_ends_in_words_or_in_rows(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "create index i on t (name)")
    whole = path.read_bytes()
    program = """
import sys
from pathlib import Path
from tests.faults.test_sources_only_read import database
from tests.data_support import MARKER, rows
from kronkers_batch.errors import SourceError
path = Path(sys.argv[1])
whole, ends = path.read_bytes(), {"rows": 0, "words": 0}
step = len(whole) // 80
for at in range(0, len(whole), step):
    for new in (b"\\xff" * 8, b"\\x00" * 64, bytes(b ^ 0x55 for b in whole[at:at + 3])):
        path.write_bytes(whole[:at] + new + whole[at + len(new):])
        for query in ("t", "select id, name from t where name > 'P' order by name"):
            try:
                rows(database(path, query))
                ends["rows"] += 1
            except SourceError as error:
                assert MARKER not in str(error), error
                ends["words"] += 1
print(ends)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ends = eval(done.stdout)
    assert ends["rows"] > 50, ends
    assert ends["words"] > 50, ends
    assert len(whole) > 5000


def test_a_file_that_is_cut_while_it_is_read_ends_in_words(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as db:
        db.execute("create table t (id integer, name text)")
        db.executemany("insert into t values (?, ?)", [(i, "x" * 500) for i in range(60_000)])
    db.close()
    found = iter(CheckedRows(database(path), ALL, None, sources={}, places=PLACES, chunk_rows=100))
    next(found)
    os.truncate(path, 8192)
    with pytest.raises(SourceError, match="changed while it was read"):
        list(found)
