"""Older keys put back: who was revoked knows them, so nothing may be written under one.

Eve was operator of sales, has an account on the database, and kept all keys that she had. What she puts back
was true once and is signed: the keys alone, or the whole database of before her revocation.
"""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from kronkers_batch.audit import checkpoint
from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.ledger import checkpoints
from kronkers_batch.policy.ledger_keys import LedgerKeys
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.ledger import ledger
from kronkers_batch.vault.context import Kind, Scope
from tests.faults.departments import Departments
from tests.faults.test_forged_logs import by, change

SALES, BUYS = Scope("sales"), Scope("sales", "buys")
KEYS = ("tree_keys", "grant_keys", "data_keys")


@pytest.fixture
def eve(company: Departments) -> Departments:
    """She is operator still; a night has run."""
    company.join("eve", "operator", "sales")
    company.run("run", "buys", "--date", "2024-01-21")
    return company


def rows(company: Departments) -> dict[str, list[tuple]]:
    with closing(sqlite3.connect(company.database)) as db:
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in KEYS}


def put_back(company: Departments, kept: dict[str, list[tuple]]) -> None:
    with closing(sqlite3.connect(company.database)) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        for name, found in kept.items():
            db.execute(f"DELETE FROM {name}")
            db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(found[0]))})", found)
        db.commit()


def put_all_back(company: Departments, kept: Path) -> None:
    for path in company.database.parent.glob("warehouse.db*"):
        path.unlink()
    for path in kept.glob("warehouse.db*"):
        shutil.copy(path, company.database.parent)


def made(company: Departments) -> int:
    with closing(sqlite3.connect(company.database)) as db:
        return db.execute("SELECT count(*) FROM data_keys").fetchone()[0]


@pytest.mark.parametrize(
    "command",
    [("access", "revoke", "eve", "sales"), ("access", "revoke", "eve"), ("keys", "rotate", "sales")],
)
def test_older_keys_put_back_have_nothing_written_under_them(eve, command):
    kept = rows(eve)
    eve.by("admin").run(*command)
    put_back(eve, kept)
    done = eve.run("run", "buys", "--date", "2024-01-22", code=4)
    assert "older than version 2" in done.stderr
    assert "->" in done.stderr
    assert made(eve) == len(kept["data_keys"])
    assert "older than version 2" in eve.by("admin").run("ledger", "verify", code=4).stderr


@pytest.mark.parametrize("without", ["no checkpoint", "all checkpoints", "her own alone"])
def test_nor_where_a_night_has_run_since_whatever_became_of_the_checkpoints(eve, without):
    kept, points = rows(eve), eve.folder / "var/checkpoints"
    eve.by("admin").run("access", "revoke", "eve", "sales")
    eve.run("run", "buys", "--date", "2024-01-22")
    put_back(eve, kept)
    if without != "no checkpoint":
        shutil.rmtree(points)
    if without == "her own alone":
        with by(eve, "eve") as services, services.db.read() as conn:
            head = services.ledger.verify_in(conn, services.ledger.mine)
            checkpoints.write(LedgerKeys(services.vault), ArtifactStore(str(points)), head, None, {})
    assert "older than version 2" in eve.run("run", "buys", "--date", "2024-01-23", code=4).stderr


def test_nor_where_they_are_put_back_in_the_middle_of_a_night(eve):
    """After the look at its beginning, and put away again before its end."""
    kept = rows(eve)
    eve.by("admin").run("access", "revoke", "eve", "sales")
    with by(eve, "nightly") as services:
        checkpoint.compare(services)
        put_back(eve, kept)
        for scope in (SALES, BUYS):
            with pytest.raises(IntegrityError, match="older"), services.db.write() as conn:
                services.vault.new_data_key(conn, scope, Kind.SNAPSHOT, "later")


def test_a_key_that_is_gone_is_not_made_anew_as_the_first(eve):
    with by(eve, "nightly") as services:
        checkpoint.compare(services)
        change(eve, "DELETE FROM tree_keys WHERE model = 'buys'")
        with pytest.raises(IntegrityError, match="older than version 1"), services.db.write() as conn:
            services.vault.new_data_key(conn, BUYS, Kind.OUTPUT, "later")


DECISIONS = [
    ("access", "revoke", "eve", "sales"),
    ("access", "grant", "bob", "reader", "sales"),
    ("keys", "rotate", "sales"),
    ("keys", "shred", "buys/2024-01-20#1", "--why", "asked"),
    ("promote", "buys@1", "--why", "again"),
    ("sign", "--all", "--yes", "--why", "ok"),
]


@pytest.mark.parametrize("command", DECISIONS, ids=" ".join)
def test_the_database_of_before_a_decision_is_not_put_back_unnoticed(eve, tmp_path, command):
    if command[0] == "promote":
        change(eve, "DELETE FROM champions WHERE model = 'buys'")
    kept = tmp_path / "kept"
    shutil.copytree(eve.database.parent, kept)
    eve.by("admin").run(*command)
    put_all_back(eve, kept)
    for words in (("run", "buys", "--date", "2024-01-22"), ("ledger", "verify")):
        assert "Somebody replaced the database by an older one" in eve.by("admin").run(*words, code=4).stderr


def test_where_no_checkpoint_can_be_written_the_decision_stands_and_that_is_said(eve):
    points = eve.folder / "var/checkpoints"
    shutil.rmtree(points)
    points.write_text("")
    done = eve.by("admin").run("access", "revoke", "eve", "sales")
    assert "could not write the checkpoint of the ledger" in done.stderr
    assert "eve" not in eve.by("admin").run("access", "list").stdout


def test_a_checkpoint_of_a_decision_is_no_point_from_which_a_run_goes_on(eve):
    """It tells what its signer met, and nobody has verified that."""
    with by(eve, "nightly") as services:
        store, keys = ArtifactStore(str(eve.folder / "var/checkpoints")), LedgerKeys(services.vault)
        with services.db.read() as conn:
            before = checkpoints.own(conn, keys, store)
        services.ledger.decided = True
        checkpoint.mark(services)
        with services.db.read() as conn:
            newest, *_ = checkpoints.newest(conn, keys, store)
            assert newest != before
            assert checkpoints.own(conn, keys, store) == before
    with pytest.raises(NotFound), by(eve, "nightly") as services:
        services.registry.get("buys", 9)  # a read writes none
    assert newest.keys == {"hr": 1, "sales": 1, "hr/leavers": 1, "sales/buys": 1}


@pytest.mark.parametrize(
    "done", [checkpoint.write, checkpoint.mark, checkpoint.verify, lambda s: s.ledger.verify()]
)
def test_what_another_thread_writes_while_the_ledger_is_read_is_not_missed(company, monkeypatch, done):
    """A worker that is started ahead records that it opens its model."""
    began = Database.read

    def write(services):
        with services.db.write() as conn:
            services.ledger.append(conn, "admin", "refuse", "run buys", department="")

    with by(company, "admin") as services, ThreadPoolExecutor(1) as another:

        @contextmanager
        def read(db, *, anew=False):
            with began(db, anew=anew) as conn:
                conn.execute(select(ledger.c.seq)).all()
                monkeypatch.setattr(Database, "read", began)
                another.submit(write, services).result()
                yield conn

        write(services)
        services.ledger.decided = True
        monkeypatch.setattr(Database, "read", read)
        done(services)
        assert Database.read is began


def test_no_worker_waits_any_more_when_a_run_is_verified(company, monkeypatch):
    waiting, write = [], checkpoint.write

    def seen(services):
        waiting.append(services.workers.keys())
        write(services)

    monkeypatch.setattr(checkpoint, "write", seen)
    company.run("run", "--date", "2024-01-21")
    assert waiting == [[]]


def test_nothing_is_decided_on_an_older_database_and_what_it_shows_is_warned_of(eve, tmp_path):
    """A decision there would be lost with it, and its checkpoint would tell of another history."""
    kept, admin = tmp_path / "kept", eve.by("admin")
    shutil.copytree(eve.database.parent, kept)
    admin.run("access", "revoke", "eve", "sales")
    newest = sorted((eve.folder / "var/checkpoints").rglob("*.json"))
    put_all_back(eve, kept)
    for command in DECISIONS:
        assert "Somebody replaced the database by an older one" in admin.run(*command, code=4).stderr
    assert sorted((eve.folder / "var/checkpoints").rglob("*.json")) == newest
    for command in (("models",), ("plan",), ("access", "list"), ("read", "buys", "--date", "2024-01-20")):
        assert "Somebody replaced the database by an older one" in admin.run(*command).stderr
    shutil.rmtree(eve.folder / "var/checkpoints")
    (eve.folder / "var/checkpoints").write_text("")
    done = admin.run("access", "revoke", "eve", "sales")
    assert "the database could not be compared with a checkpoint" in done.stderr
