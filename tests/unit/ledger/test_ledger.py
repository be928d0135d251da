"""The chain, its checkpoints, and every way to break them."""

import shutil

import pytest
from sqlalchemy import delete, select, text

from kronkers_batch.access.setup import initialise, make_ledger, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.ledger import checkpoints
from kronkers_batch.ledger.ledger import GENESIS, Head, Ledger, entry_hash
from kronkers_batch.policy.ledger_keys import LedgerKeys
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.ledger import ledger as table
from kronkers_batch.vault import grants, keyfile
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from tests import migrated


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    made = migrated.database(tmp_path / "wh/x.db")
    initialise(made, tmp_path / "keys" / "me.key", ["sales"])
    with made.write() as conn:
        conn.execute(delete(table))  # the entries of the first run, so that the tests' own are counted from 1
    return made


@pytest.fixture
def vault(db, tmp_path):
    return open_vault(db, tmp_path / "keys" / "me.key")


@pytest.fixture
def ledger(db, vault):
    made = make_ledger(db, vault)
    for i in range(5):
        with db.write() as conn:
            details = {"why": f"reason {i}"} if i % 2 else None
            assert made.append(conn, "admin", "promote", f"churn@{i}", details, department="sales") == i + 1
    return made


def rows(db):
    with db.read() as conn:
        return conn.execute(select(table).order_by(table.c.seq)).all()


def test_entries_come_back_in_order(db, ledger):
    with db.read() as conn:
        found = list(ledger.entries(conn))
        assert [e.seq for e in ledger.entries(conn, after=2, limit=2)] == [3, 4]
    assert [(e.seq, e.subject, dict(e.details)) for e in found] == [
        (i + 1, f"churn@{i}", {"why": f"reason {i}"} if i % 2 else {}) for i in range(5)
    ]
    assert ledger.verify() == Head(5, rows(db)[-1].hash)


def test_an_empty_ledger_verifies(db, vault):
    assert make_ledger(db, vault).verify() == Head(0, GENESIS)


def test_details_are_sealed(db, ledger):
    assert not any(b"reason 1" in f.read_bytes() for f in db.path.parent.iterdir())


def test_an_entry_stands_only_with_its_transaction(db, ledger):
    from contextlib import suppress

    with suppress(RuntimeError), db.write() as conn:
        ledger.append(conn, "admin", "read", "b", department="")
        raise RuntimeError
    assert ledger.verify().seq == 5


def test_details_need_a_department_and_a_key(db, ledger):
    with pytest.raises(ValueError, match="department"), db.write() as conn:
        ledger.append(conn, "admin", "read", "b", {"c": 1}, department="")
    with pytest.raises(AccessRefused), db.write() as conn:
        ledger.append(conn, "admin", "read", "b", {"c": 1}, department="other")


def test_who_has_no_grant_sees_no_details(db, ledger, vault, tmp_path):
    bob = Identity.generate("bob")
    keyfile.create(tmp_path / "keys" / "bob.key", bob)
    with db.write() as conn:
        vault.trust.add_principal(conn, vault.identity, bob.id, "bob", bob.public)
    seen = make_ledger(db, open_vault(db, tmp_path / "keys" / "bob.key"))
    assert seen.verify().seq == 5
    with db.read() as conn:
        assert [e.details for e in seen.entries(conn)] == [{}, None, {}, None, {}]
    with db.write() as conn:
        grants.grant(vault.ring, conn, "bob", Scope("sales"), Role.VIEWER)
    with db.read() as conn:
        assert [bool(e.details) for e in seen.entries(conn)] == [False, True, False, True, False]


def test_the_hash_is_pinned():
    row = {
        "seq": 1,
        "at": 2,
        "principal": "ann",
        "action": "promote",
        "subject": "churn@1",
        "department": "sales",
        "key_id": "k",
        "details": b"\x01\x02",
        "previous": GENESIS,
        "signer": "s",
    }
    assert entry_hash(row).hex() == "9e1236701645adfe0d627eada63b82f2abbd2580f46e572acb6db8b3ef0256dc"
    for name in row:
        assert entry_hash(row | {name: b"x"}) != entry_hash(row)


CHANGES = [
    *(f"UPDATE ledger SET {c} = {c} + 1 WHERE seq = 3" for c in ("at",)),
    *(
        f"UPDATE ledger SET {c} = {c} || 'x' WHERE seq = 3"
        for c in ("principal", "action", "subject", "department", "key_id")
    ),
    *(
        f"UPDATE ledger SET {c} = x'{'00' * 32}' WHERE seq = 3"
        for c in ("details", "previous", "hash", "signature")
    ),
    "UPDATE ledger SET signer = 'nobody' WHERE seq = 3",
    "DELETE FROM ledger WHERE seq = 3",
    "DELETE FROM ledger WHERE seq = 1",
    "UPDATE ledger SET seq = seq + 100 WHERE seq > 2",
    "UPDATE ledger SET seq = 99 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = 4;"
    " UPDATE ledger SET seq = 4 WHERE seq = 99",
    "DELETE FROM ledger WHERE seq = 2; UPDATE ledger SET seq = seq - 1 WHERE seq > 2",
    "INSERT INTO ledger SELECT 6, at, principal, action, subject, department, key_id, details, previous,"
    " hash, signer, signature FROM ledger WHERE seq = 5",
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found(db, ledger, change):
    with db.write() as conn:
        for statement in change.split(";"):
            conn.execute(text(statement))
    with pytest.raises(IntegrityError, match="entry"):
        ledger.verify()


def test_a_chain_computed_anew_lacks_signatures(db, ledger):
    with db.write() as conn:
        previous = GENESIS
        for row in conn.execute(select(table).order_by(table.c.seq)).all():
            new = dict(row._mapping) | {"previous": previous}
            if row.seq == 3:
                new["subject"] = "churn@99"
            new["hash"] = previous = entry_hash(new)
            conn.execute(table.update().where(table.c.seq == row.seq).values(**new))
    with pytest.raises(IntegrityError, match="entry 3 has a signature that is not its signer"):
        ledger.verify()


@pytest.fixture
def points(tmp_path):
    return ArtifactStore(f"{tmp_path}/points")


def test_checkpoints_hold(db, ledger, vault, points):
    keys = LedgerKeys(vault)
    assert checkpoints.write(keys, points, ledger.verify(), {"a": 1}, {"sales": 1}).seq == 5
    with db.write() as conn:
        ledger.append(conn, "admin", "read", "b", department="")
    checkpoints.write(keys, points, ledger.verify(), {"a": 1}, {"sales": 1})
    assert checkpoints.verify(db, keys, points) == 2


def test_an_older_database_put_back_is_noticed(db, ledger, vault, points, tmp_path):
    keys = LedgerKeys(vault)
    db.scrub()
    db.close()
    shutil.copy(db.path, tmp_path / "old.db")
    with db.write() as conn:
        ledger.append(conn, "admin", "read", "b", department="")
    checkpoints.write(keys, points, ledger.verify(), {"a": 1}, {"sales": 1})
    db.scrub()
    db.close()
    shutil.copy(tmp_path / "old.db", db.path)
    ledger = Ledger(db, keys)  # another process
    ledger.verify()  # the chain alone does not show it
    with pytest.raises(IntegrityError, match="lacks entry 6"):
        checkpoints.verify(db, keys, points)
    with db.write() as conn:
        ledger.append(conn, "admin", "read", "history", department="")
    ledger.verify()
    with pytest.raises(IntegrityError, match="another entry 6"):
        checkpoints.verify(db, keys, points)


def test_every_flipped_byte_of_a_checkpoint_is_found(db, ledger, vault, points, tmp_path):
    keys = LedgerKeys(vault)
    checkpoints.write(keys, points, ledger.verify(), {"a": 1}, {"sales": 1})
    (path,) = points.list("")
    raw = points.read(path)
    file = tmp_path / "points" / path
    accepted = []
    for i in range(len(raw)):
        file.write_bytes(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :])
        try:
            checkpoints.verify(db, keys, points)
            accepted.append(raw[i : i + 1])
        except IntegrityError:
            pass
    assert accepted == []


def test_a_checkpoint_of_a_stranger(db, ledger, points, tmp_path, vault):
    other = Database(Secret(f"sqlite:///{tmp_path}/evil/x.db"))
    other.migrate()
    initialise(other, tmp_path / "evilkeys" / "me.key", ["sales"])
    evil = LedgerKeys(open_vault(other, tmp_path / "evilkeys" / "me.key"))
    made = checkpoints.Checkpoint(vault.trust.warehouse, 5, rows(db)[-1].hash, 1, evil.signer, b"")
    signed = checkpoints.Checkpoint(
        made.warehouse, 5, made.hash, 1, made.signer, evil.sign(made.payload())[1]
    )
    points.write(f"ledger/{made.warehouse}/{5:012d}-1.json", signed.to_bytes())  # a name that fits
    with pytest.raises(IntegrityError, match="its signer is unknown"):
        checkpoints.verify(db, LedgerKeys(vault), points)


def test_a_missing_entry_is_named(db, ledger):
    with db.write() as conn:
        conn.execute(text("DELETE FROM ledger WHERE seq IN (3, 4)"))
    with pytest.raises(IntegrityError, match="entry 3 is missing"):
        ledger.verify()


def test_a_true_entry_of_another_history_does_not_fit(db, ledger, vault, tmp_path):
    """Entry 7 of a copy, signed and whole, put after this database's own entry 6."""
    db.scrub()
    db.close()
    (tmp_path / "copy").mkdir()
    shutil.copy(db.path, tmp_path / "copy" / "x.db")
    copy = Database(Secret(f"sqlite:///{tmp_path}/copy/x.db"))
    for each, what in ((copy, "there"), (copy, "there"), (db, "here")):
        with each.write() as conn:
            Ledger(each, LedgerKeys(vault)).append(conn, "admin", "read", what, department="")
    with db.write() as conn:
        conn.execute(table.insert().values(**rows(copy)[6]._mapping))
    with pytest.raises(IntegrityError, match="entry 7 does not follow"):
        ledger.verify()
