"""Somebody who can write to the database puts what was never meant to be there into every column of it.

SQLite stores text where bytes are declared, and the other way round. Whatever it is, a command ends in words.
"""

import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import String, select

from kronkers_batch.access import audit_log
from kronkers_batch.bootstrap import open_system
from kronkers_batch.errors import IntegrityError
from kronkers_batch.store.canonical import sealed_object
from kronkers_batch.store.tables import ledger as ledgers
from kronkers_batch.store.tables import metadata
from kronkers_batch.vault.manifest import Manifest
from kronkers_batch.warehouse import log as output_log
from kronkers_batch.warehouse.output_chunks import Entry
from tests.e2e.company import Project

TABLES = list(metadata.sorted_tables)
SHORT = (("outputs", "buys"), ("ledger",))
LONG = (
    *SHORT,
    ("models",),
    ("read", "buys", "--date", "2024-01-20"),
    ("ledger", "verify"),
    ("access", "list"),
    ("keys", "list"),
    ("show", "buys@1"),
    ("plan", "--date", "2024-01-22"),
    ("live", "buys"),
    ("run", "buys", "--date", "2024-01-21"),
)
ODD = {True: b"\xff\x00", False: "../.."}
"""By whether text belongs into the column."""


def put(project: Project, kept, table: str, column: str, value: object) -> None:
    """The value in this column of every row, in the database as it was."""
    for path in (project.folder / "var").glob("warehouse.db*"):
        path.unlink()
    shutil.copy(kept, project.folder / "var" / "warehouse.db")
    with closing(sqlite3.connect(project.folder / "var" / "warehouse.db")) as db:
        db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", [value])
        db.commit()


def whole(project: Project, tmp_path):
    """The database in one file."""
    with closing(sqlite3.connect(project.folder / "var" / "warehouse.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return shutil.copy(project.folder / "var" / "warehouse.db", tmp_path / "kept.db")


def attack(project: Project, tmp_path, table, values, commands) -> set[int]:
    kept, codes = whole(project, tmp_path), set()
    for column in table.columns:
        for value in values or (ODD[isinstance(column.type, String)],):
            put(project, kept, table.name, column.name, value)
            for words in commands:
                done = project.run(*words, code=None)
                assert "unexpected" not in done.stdout + done.stderr  # an error that is none of ours
                assert done.returncode == 0 or "kronkers: " in done.stderr or words[0] == "run"
                codes.add(done.returncode)
    return codes


SIGNED = ("output_versions", "output_log", "ledger", "tree_keys", "data_keys")


@pytest.mark.parametrize("table", [table for table in TABLES if table.name in SIGNED], ids=str)
def test_a_value_that_is_none_of_the_columns_ends_in_words(project, tmp_path, table):
    """Of the tables that these commands read. All tables, more values and commands are long."""
    codes = attack(project, tmp_path, table, (), SHORT)
    assert codes <= {0, 1, 2, 3, 4}
    assert 4 in codes


@pytest.mark.long
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_whatever_is_put_there_ends_in_words(project, tmp_path, table):
    values = ("../..", b"\xff\x00", "", b"", 7, -(2**63), 1e300, "x'\x00", "2024-13-01")
    assert attack(project, tmp_path, table, values, LONG) <= {0, 1, 2, 3, 4}


@pytest.fixture
def services(project, monkeypatch):
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    opened = open_system(project.folder / "conf")
    yield opened
    opened.close()


def test_an_entry_of_another_program_is_told_and_breaks_nothing(project, services, monkeypatch):
    """Anybody with a key may sign an entry that this program would not write; the record goes on."""
    monkeypatch.setattr("kronkers_batch.ledger.ledger.ACTIONS", {"dance": ("danced {subject}", "")})
    with services.db.write() as conn:
        services.ledger.append(conn, services.vault.principal, "dance", "{subject!r}", department="sales")
    monkeypatch.undo()
    assert "did dance, which this program does not know: {subject!r}" in project.run("ledger").stdout
    assert project.json("ledger", "verify")["ok"]


@pytest.mark.parametrize("details", [["a"], "text", 5])
def test_details_that_are_no_details_are_named(services, details):
    with services.db.write() as conn:
        number = services.ledger.append(
            conn, services.vault.principal, "read", "buys", details, department="sales"
        )
        assert conn.execute(select(ledgers.ledger.c.details).where(ledgers.ledger.c.seq == number)).scalar()
    with pytest.raises(IntegrityError, match=f"entry {number} has damaged details"):
        list(audit_log.entries(services))


DEEP = b"[" * 100_000 + b"]" * 100_000
NO_OBJECT = {
    "no text": b"\xff\xfe",
    "no JSON": b"not json",
    "deep": b'{"why": ' + DEEP + b"}",
    "a long number": b'{"why": ' + b"9" * 6_000 + b"}",
    "a list": b"[]",
}


@pytest.mark.parametrize("plain", NO_OBJECT.values(), ids=NO_OBJECT)
def test_what_somebody_sealed_may_be_anything_and_ends_in_words(services, monkeypatch, plain):
    """Whoever holds the key may have written it: in the ledger, in entries, manifests, and judgements."""
    assert sealed_object(plain) is None
    for read in (Entry.from_bytes, Manifest.from_bytes):
        with pytest.raises(IntegrityError):
            read(plain)
    monkeypatch.setattr(type(services.vault), "unseal", lambda *_: plain)
    with pytest.raises(IntegrityError, match="has damaged details"):
        list(audit_log.entries(services))
    with pytest.raises(IntegrityError, match="the details of a promotion are damaged"):
        services.registry.history("buys")
    with services.db.read() as conn:
        (line, *_), *_ = output_log.lines_by_date(conn, services.vault, "buys").values()
    with pytest.raises(IntegrityError, match="the details of a judgement"):
        output_log.judgement(services.vault, None, line)
