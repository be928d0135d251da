"""What a command says that it wrote is read again: a statement that the database took may not be in it.

The schema is exact, so that no trigger can be planted; here each is planted with that defence taken out.
"""

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store import clock, exact, written
from kronkers_batch.store.tables import ledger, outputs, registry
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, rotation
from kronkers_batch.vault.context import Role, Scope
from tests.warehouse_support import Office, training

OPS = Scope("ops")
FAR = 9_000_000_000_000_000_000
UNDONE = {
    "revocations": "DELETE FROM revocations WHERE subject = NEW.subject",
    "revocations later": f"UPDATE revocations SET at = {FAR} WHERE subject = NEW.subject",
    "grants": "UPDATE grants SET role = 'admin' WHERE id = NEW.id",
    "grant_keys": "DELETE FROM grant_keys WHERE grant_id = NEW.grant_id",
    "tree_keys": "UPDATE tree_keys SET version = 9 WHERE id = NEW.id",
    "ledger": "DELETE FROM ledger WHERE seq = NEW.seq",
    "ledger changed": "UPDATE ledger SET subject = 'nothing' WHERE seq = NEW.seq",
    "champions": "DELETE FROM champions WHERE sequence = NEW.sequence",
    "output_log": "UPDATE output_log SET head = '' WHERE sequence = NEW.sequence",
}  # fmt: skip


@pytest.fixture
def loose(office: Office, monkeypatch) -> Office:
    """An office whose program does not compare the schema, with some history."""
    monkeypatch.setattr(exact, "compare", lambda _found, _wanted: "")
    office.registry.record(training(), b"model")
    office.member("anna", OPS, Role.READER)
    office.member("carla", None)
    return office


def plant(office: Office, what: str, event: str = "INSERT") -> None:
    with closing(sqlite3.connect(office.db.path)) as db:
        table, _, _ = what.partition(" ")
        db.execute(f"CREATE TRIGGER planted AFTER {event} ON {table} BEGIN {UNDONE.get(what, what)}; END")
        db.commit()


def do(office: Office, what: str) -> None:
    """Something that a person does which writes to that table."""
    table = what.partition(" ")[0]
    if table in ("output_log", "ledger"):
        office.publish()
        return
    if table == "champions":
        office.registry.promote("late", 1, "good")
        return
    with office.db.write() as conn:
        if table in ("revocations", "tree_keys"):
            rotation.revoke(office.vault.ring, conn, "anna", OPS, whole=False)
        else:
            grants.grant(office.vault.ring, conn, "carla", OPS, Role.VIEWER)


@pytest.mark.parametrize("what", UNDONE)
def test_what_a_trigger_undid_is_not_said_to_be_done(loose: Office, what):
    plant(loose, what)
    with pytest.raises(IntegrityError, match=r"(after|as) it was written") as caught:
        do(Office.open(loose.root), what)
    assert "ledger verify" in caught.value.fix


def test_a_key_that_stays_after_it_was_taken_away_is_not_said_to_be_gone(loose: Office):
    with closing(sqlite3.connect(loose.db.path)) as db:
        columns = "grant_id, key_id, recipient, sealed, created, issuer, signature"
        old = ", ".join(f"OLD.{name}" for name in columns.split(", "))
        db.execute(
            "CREATE TRIGGER planted AFTER DELETE ON grant_keys BEGIN "
            f"INSERT INTO grant_keys ({columns}) VALUES ({old}); END"
        )
        db.commit()
    again = Office.open(loose.root)
    with pytest.raises(IntegrityError, match="still there after it was deleted"), again.db.write() as conn:
        rotation.revoke(again.vault.ring, conn, "anna", OPS, whole=False)


def test_a_key_that_was_shredded_and_is_there_again_is_not_said_to_be_gone(loose: Office):
    loose.publish(fingerprint="1")
    output = loose.publish(fingerprint="2")
    with closing(sqlite3.connect(loose.db.path)) as db:
        db.execute(
            "CREATE TRIGGER planted AFTER UPDATE ON data_keys WHEN NEW.wrapped IS NULL BEGIN "
            "UPDATE data_keys SET wrapped = OLD.wrapped WHERE id = NEW.id; END"
        )
        db.commit()
    with pytest.raises(IntegrityError, match="shredded key"):
        Office.open(loose.root).warehouse.shred(output.ref, "gone")


@pytest.mark.parametrize("looked", [False, True])
def test_it_is_asked_as_a_connection_sees_it_that_was_opened_just_now(loose: Office, looked):
    """The schema is exchanged under connections that have the old one in memory: one writes by that."""
    number = "PRAGMA schema_version"
    again = Office.open(loose.root)
    with again.db.read() as conn:
        conn.execute(select(t.revocations)).all()
    if looked:  # as well by the one that reads back
        with again.db.write() as conn:
            again.vault.trust.add_revocation(conn, again.vault.identity, "y")
    with closing(sqlite3.connect(loose.db.path, isolation_level=None)) as db:
        before = db.execute(number).fetchone()[0]
        for sql in ("ALTER TABLE revocations RENAME TO old", "CREATE TABLE revocations AS SELECT * FROM old"):
            db.execute(sql)
        db.execute(f"{number}={before}")
    with pytest.raises(IntegrityError, match="the revocation of"), again.db.write() as conn:
        again.vault.trust.add_revocation(conn, again.vault.identity, "x")


# ---------------------------------------------------------------- while the program goes on


def cut(office: Office) -> None:
    with closing(sqlite3.connect(office.db.path)) as db, db:
        db.execute("DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")


@pytest.mark.parametrize("then", ["reads", "publishes", "verifies"])
def test_a_line_that_is_cut_off_before_the_next_is_written_is_missed(office: Office, then):
    """Nothing hangs on the last line yet: the next one would follow the one before it."""
    office.publish()
    office.rows()
    cut(office)
    action = {"reads": office.rows, "publishes": lambda: office.publish(fingerprint="b")}
    with pytest.raises(IntegrityError, match="was changed or deleted after this process wrote it"):
        action.get(then, office.warehouse._ledger.verify)()


def test_what_others_write_and_what_is_undone_is_not_missed(office: Office):
    office.publish()
    other = Office.open(office.root)
    with contextlib.suppress(RuntimeError), office.db.write() as conn:
        office.warehouse._ledger.append(conn, "me", "rotate", "ops", department="ops")
        raise RuntimeError
    for who in (other, office, other, office):
        who.rows()
    assert office.warehouse._ledger.verify().seq > 4


def replaced(office: Office, what: str) -> None:
    """With a copy of itself, as of before whatever comes next."""
    path = office.db.path
    if what == "database":
        with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(f"{path}.copy")) as copy:
            db.backup(copy)
        Path(f"{path}.copy").replace(path)
    else:
        Path(f"{path}-wal").unlink()


@pytest.mark.parametrize("what", ["database", "log"])
@pytest.mark.parametrize("when", ["before", "while it is written"])
def test_what_goes_into_a_file_that_was_replaced_is_not_said_to_be_done(office: Office, what, when):
    """The program has the old one open, writes there and reads there what it wrote; nobody else sees it."""
    office.member("anna", OPS, Role.READER)

    def revoke() -> None:
        with office.db.write() as conn:
            rotation.revoke(office.vault.ring, conn, "anna", OPS, whole=False)
            if when != "before":
                replaced(office, what)

    if when == "before":
        replaced(office, what)
    with pytest.raises(IntegrityError, match="replaced or deleted while"):
        revoke()


def test_a_log_that_others_begin_anew_is_no_loss(office: Office):
    """Programs come and go; the last one that closes takes the log away."""
    for _ in range(3):
        other = Office.open(office.root)
        assert other.vault is not None
        other.db.close()
        with office.db.read() as conn:
            assert conn.execute(select(t.warehouse.c.id)).one()
        office.db.close()


# ---------------------------------------------------------------- what must go on working


def test_what_is_written_is_there_and_nothing_is_asked_of_who_wrote_nothing(office: Office, monkeypatch):
    asked = []
    require = written.Written.require
    monkeypatch.setattr(written.Written, "require", lambda self, *a: asked.append(self) or require(self, *a))
    with office.db.read() as conn:
        for table in (t.grants, ledger.ledger, registry.champions, outputs.output_log):
            conn.execute(select(table)).all()
    with office.db.write() as conn:
        conn.execute(t.warehouse.update().values(created=clock.now()))
    assert asked == []
    with office.db.write() as conn:
        office.vault.trust.add_revocation(conn, office.vault.identity, "x")
    assert len(asked) == 1


def test_what_is_undone_is_not_asked_for(office: Office):
    with contextlib.suppress(RuntimeError), office.db.write() as conn:
        office.vault.trust.add_revocation(conn, office.vault.identity, "x")
        raise RuntimeError
    with office.db.read() as conn:
        assert conn.execute(select(t.revocations)).all() == []


def test_a_key_that_a_rotation_replaced_at_once_is_no_loss(office: Office):
    """Two administrators at work: what was sealed a time ago is rightly gone."""
    office.member("anna", OPS, Role.READER)
    with office.db.write() as conn:
        grants.grant(office.vault.ring, conn, "anna", Scope("ops", "late"), Role.OPERATOR)
        rotation.begin(office.vault.ring, conn, OPS)
    assert Office.open(office.root, "anna").vault is not None
