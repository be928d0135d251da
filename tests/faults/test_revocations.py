"""Revocations are signed whole, time included; whatever is wrong with one, nobody gets in by it."""

import contextlib
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import insert, select, update

from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError
from kronkers_batch.store import clock, exact, written
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, rotation
from kronkers_batch.vault.context import Role, Scope
from tests.warehouse_support import DAY, Office

OPS, FLEET = Scope("ops"), Scope("fleet")
FAR = 9_000_000_000_000_000_000


def allowed(office: Office, name: str) -> bool:
    try:
        again = Office.open(office.root, name)
        with again.db.read() as conn:
            return bool(again.vault.held(conn))
    except (AccessRefused, IntegrityError):
        return False


def change(office: Office, **values: object) -> None:
    """What somebody does with an account on the database."""
    with office.db.unchecked(write=True) as conn:
        assert conn.execute(update(t.revocations).values(**values)).rowcount


def put(office: Office, by: Office, subject: str, at: int, *, signature: bytes = b"") -> None:
    """A revocation that somebody made with a program of their own, signed with their key."""
    issuer = by.vault.identity
    signed = issuer.sign(by.vault.trust.statement("revocation", subject, at, issuer.public.id))
    row = {"subject": subject, "at": at, "issuer": issuer.public.id, "signature": signature or signed}
    with office.db.unchecked(write=True) as conn:
        conn.execute(insert(t.revocations).values(**row))


def flaws(office: Office) -> list[str]:
    again = Office.open(office.root)
    with again.db.read() as conn:
        return [flaw for _, flaw in again.vault.trust.revocations.flawed(conn)]


def grant_of(office: Office, member: Office) -> str:
    with office.db.read() as conn:
        mine = t.grants.c.principal_id == member.vault.identity.id
        return str(conn.execute(select(t.grants.c.id).where(mine)).scalar_one())


@pytest.mark.parametrize("changed", [{"at": FAR}, {"at": 0}, {"issuer": "0" * 32}, {"signature": b"x"}])
@pytest.mark.parametrize("what", ["grant", "key"])
def test_a_revocation_that_was_changed_counts_for_every_timestamp(office, changed, what):
    office.member("anna", OPS, Role.READER)
    with office.db.write() as conn:
        if what == "grant":
            rotation.revoke(office.vault.ring, conn, "anna", OPS)
        else:
            rotation.revoke_principal(office.vault.ring, conn, "anna")
    assert flaws(office) == []
    change(office, **changed)
    assert len(flaws(office)) == (1 if what == "grant" else 2)
    assert not allowed(office, "anna")
    again = Office.open(office.root)
    with again.db.read() as conn:
        for subject in conn.execute(select(t.revocations.c.subject)).scalars().all():
            assert all(again.vault.trust.revoked(conn, subject, at) for at in (0, clock.now(), FAR))


def test_one_of_the_future_that_is_signed_counts_from_now_on(office):
    """The clock of whoever revoked was wrong, or so they wanted."""
    anna = office.member("anna", OPS, Role.READER)
    put(office, office, grant_of(office, anna), FAR)
    assert flaws(office) == []
    assert not allowed(office, "anna")


@pytest.mark.parametrize("who", ["viewer", "other department", "herself", "nobody"])
def test_one_by_somebody_who_may_not_revoke_this_is_named(office, who):
    """It locks out whom it names: who can write to the database can do that by deleting rows, too."""
    anna = office.member("anna", OPS, Role.READER)
    members = {
        "viewer": ("vic", OPS, Role.VIEWER),
        "other department": ("bob", FLEET, Role.ADMIN),
        "herself": None,
        "nobody": None,
    }[who]
    by = office.member(*members) if members else anna
    put(office, by, grant_of(office, anna), clock.now(), signature=b"x" * 64 if who == "nobody" else b"")
    (flaw,) = flaws(office)
    assert ("signature" in flaw) == (who == "nobody")
    assert not allowed(office, "anna")


@pytest.mark.parametrize("subject", ["nothing", "0" * 26, "pin"])
def test_a_planted_one_is_named_whatever_it_names(office, subject):
    bob = office.member("bob", FLEET, Role.ADMIN)
    put(office, bob, office.vault.identity.public.id if subject == "pin" else subject, 1)
    if subject != "pin":
        assert flaws(office) == ["its issuer had no permission to revoke this at that time"]
        return
    # Nothing that the administrator signed counts any more, and it is said why.
    with pytest.raises(IntegrityError, match="a revocation in the database is not valid") as caught:
        Office.open(office.root)
    assert "find out who can write" in caught.value.fix


def test_an_issuers_key_that_was_revoked_later_leaves_what_it_signed_before(office):
    ben = office.member("ben", OPS, Role.ADMIN)
    office.member("anna", None)
    office.member("carla", OPS, Role.READER)
    with ben.db.write() as conn:
        grants.grant(ben.vault.ring, conn, "anna", OPS, Role.READER)
        rotation.revoke(ben.vault.ring, conn, "carla", OPS)
    with office.db.write() as conn:
        rotation.revoke_principal(office.vault.ring, conn, "ben")
    assert flaws(office) == []
    assert allowed(office, "anna")
    assert not allowed(office, "carla")
    # Unless the revocation itself was changed: then it counts for every time, and undoes that too.
    with office.db.unchecked(write=True) as conn:
        key = t.revocations.c.subject == ben.vault.identity.public.id
        conn.execute(update(t.revocations).where(key).values(at=t.revocations.c.at + 1))
    assert not allowed(office, "anna")
    assert not allowed(office, "carla")


def test_two_who_revoked_each_other_are_both_out(office):
    """Whatever either of them signs, and whenever they say that it was."""
    both = [office.member(name, OPS, Role.ADMIN) for name in ("ben", "carla")]
    put(office, both[0], grant_of(office, both[1]), 5)
    put(office, both[1], grant_of(office, both[0]), 6)
    assert not allowed(office, "ben")
    assert not allowed(office, "carla")
    assert len(flaws(office)) == 2  # neither could revoke so long ago


def test_many_that_name_each_others_issuers_are_decided_in_words(office):
    """Planted so that each has to be asked for each other: no more work than there are rows squared."""
    ben = office.member("ben", OPS, Role.ADMIN)
    with office.db.unchecked(write=True) as conn:
        for _ in range(24):
            ben.vault.trust.add_grant(conn, ben.vault.identity, ben.vault.identity.id, OPS, Role.ADMIN)
        ids = conn.execute(select(t.grants.c.id).where(t.grants.c.issuer == ben.vault.identity.public.id))
        planted = ids.scalars().all()
    timestamp = clock.now()
    for number, subject in enumerate(planted):
        put(office, ben, subject, timestamp + number)
    assert len(flaws(office)) <= len(planted)


def test_the_administrator_whom_everything_hangs_on_may_be_revoked_by_the_next(office):
    zoe = office.member("zoe", None)
    with office.db.unchecked(write=True) as conn:
        key = t.principal_keys.c.id == zoe.vault.identity.public.id
        conn.execute(t.grants.delete().where(t.grants.c.principal_id == zoe.vault.identity.id))
        conn.execute(t.principal_keys.delete().where(key))
        conn.execute(t.principals.delete().where(t.principals.c.name == "zoe"))
        args = (zoe.vault.identity.id, "zoe", zoe.vault.identity.public)
        office.vault.trust.add_principal(conn, office.vault.identity, *args, authority="admin")
        grants.grant(office.vault.ring, conn, "zoe", OPS, Role.ADMIN)
    zoe = Office.open(office.root, "zoe")
    with zoe.db.write() as conn:
        rotation.revoke(zoe.vault.ring, conn, "admin", OPS)
        zoe.vault.trust.add_revocation(conn, zoe.vault.identity, office.vault.identity.public.id)
    zoe = Office.open(office.root, "zoe")
    with zoe.db.read() as conn:
        assert zoe.vault.trust.revocations.flawed(conn) == []
        zoe.vault.trust.require_authority(conn, zoe.vault.identity)
    assert not allowed(office, "me")


# ---------------------------------------------------------------- while somebody is revoked


@pytest.mark.parametrize("body", ["DELETE FROM revocations", f"UPDATE revocations SET at = {FAR}"])
def test_the_next_key_is_not_sealed_to_who_was_just_revoked_whatever_the_database_says(
    office, monkeypatch, body
):
    """Undone by a trigger, in the same transaction: here with the defences before and after it taken out."""
    anna = office.member("anna", OPS, Role.READER)
    office.publish()
    monkeypatch.setattr(exact, "compare", lambda _found, _wanted: "")
    monkeypatch.setattr(written.Written, "require", lambda *_: None)
    with closing(sqlite3.connect(office.db.path)) as db:
        db.execute(
            f"CREATE TRIGGER x AFTER INSERT ON revocations BEGIN {body} WHERE subject = NEW.subject; END"
        )
        db.commit()
    again = Office.open(office.root)
    with again.db.write() as conn:
        rotation.revoke(again.vault.ring, conn, "anna", OPS)
    mine = t.grant_keys.c.recipient == anna.vault.identity.public.id
    with again.db.read() as conn:
        assert conn.execute(select(t.grant_keys).where(mine)).all() == []
    again.publish(fingerprint="later")
    with contextlib.suppress(KronkersError):
        assert Office.open(office.root, "anna").rows(date=DAY) is None


def test_a_key_is_not_sealed_for_a_grant_or_to_a_key_that_is_revoked(office):
    anna = office.member("anna", OPS, Role.READER)
    ring = office.vault.ring
    with office.db.read() as conn:
        (given,) = office.vault.trust.grants(conn, principal_id=anna.vault.identity.id)
        (holder,) = grants.holders(ring, conn, given)
    for subject in (given.id, holder.keys.id):
        with office.db.write() as conn:
            office.vault.trust.add_revocation(conn, office.vault.identity, subject)
        again = Office.open(office.root)
        with again.db.write() as conn:
            key = again.vault.ring.active(conn, OPS)
            with pytest.raises(IntegrityError, match="somebody removed a revocation"):
                grants.seal_key(again.vault.ring, conn, given, key, holder)
        with office.db.unchecked(write=True) as conn:
            conn.execute(t.revocations.delete())
        # Nor by the process that revoked, when the row is gone.
        with office.db.write() as conn, pytest.raises(IntegrityError, match="somebody removed a revocation"):
            grants.seal_key(ring, conn, given, ring.active(conn, OPS), holder)
        office.vault.trust.revocations._made.clear()


# ---------------------------------------------------------------- through the command line


def verify(company) -> str:
    return company.by("admin").run("ledger", "verify", code=4).stderr


@pytest.mark.parametrize("sql", ["DELETE FROM revocations", f"UPDATE revocations SET at = {FAR}"])
def test_a_revocation_that_is_undone_is_noticed_and_undoes_nothing(company, sql):
    company.join("bea", "reader", "hr")
    with closing(sqlite3.connect(company.database)) as db:
        db.execute(
            f"CREATE TRIGGER x AFTER INSERT ON revocations BEGIN {sql} WHERE subject = NEW.subject; END"
        )
        db.commit()
    done = company.by("admin").run("access", "revoke", "bea", "hr", code=4)
    assert "there is also trigger x" in done.stderr
    with closing(sqlite3.connect(company.database)) as db:
        db.execute("DROP TRIGGER x")
        db.commit()
    company.by("admin").run("access", "revoke", "bea", "hr")
    company.run("run", "--date", "2024-01-21")
    with closing(sqlite3.connect(company.database)) as db:
        db.execute(sql)
        db.commit()
    words = ("read", "leavers", "--date", "2024-01-21", "--limit", "2")
    assert company.by("bea").run(*words, code=3).stdout == ""
    assert "revocation" in verify(company)


def test_a_revocation_that_was_planted_is_named(company):
    with closing(sqlite3.connect(company.database)) as db:
        subject = db.execute("SELECT id FROM grants WHERE role = 'viewer'").fetchone()[0]
        db.execute("INSERT INTO revocations VALUES (?, 5, ?, x'00')", [subject, "0" * 32])
        db.commit()
    assert f"revocation of {subject}" in verify(company)
    assert company.by("vic").run("models", code=3).stdout == ""


@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_index_that_leaves_a_revocation_out_hides_it_from_no_transaction(office, kind):
    """A read transaction loads the table, a write transaction looks a subject up; neither by the index."""
    anna = office.member("anna", OPS, Role.READER)
    subject = grant_of(office, anna)
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", OPS)
    path = office.root / "wh" / "x.db"
    office.db.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        index = "sqlite_autoindex_revocations_1"
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [index]).fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:  # an empty leaf of an index
        file.seek((page - 1) * size)
        file.write(b"\x0a\x00\x00\x00\x00" + (size % 65536).to_bytes(2, "big") + b"\x00")
    again = Office.open(office.root)
    with getattr(again.db, kind)() as conn:
        assert conn.execute(select(t.revocations).where(t.revocations.c.subject == subject)).all() == []
        assert again.vault.trust.revoked(conn, subject, clock.now())
