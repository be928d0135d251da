"""Colleagues with a key of their own and an account on the database, against what others believe."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

from kronkers_batch.data.reference import lookup
from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.registry.standing import Asked
from kronkers_batch.store import clock
from kronkers_batch.store.tables import outputs, registry
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.vault import grants, rotation
from kronkers_batch.vault.context import Kind, Role, Scope
from kronkers_batch.vault.statements import grant_key_statement, key_statement
from tests.data_support import ALL, Store, day
from tests.unit.data.test_snapshot_scopes import OPERATIONS, OWN, PLANNING, WHOLE, member, spec, store
from tests.warehouse_support import DAY, KEY, NEXT, SCHEMA, Office, frame, training

__all__ = ["spec", "store"]

OPS = Scope("ops")


# ---------------------------------------------------------------- which rows a model is trained on


@pytest.mark.parametrize("whose", [PLANNING, OWN], ids=str)
def test_a_snapshot_of_others_is_not_found_by_a_borrowed_name(store: Store, spec, whose):
    """What a snapshot is found by is a column like any other: it is copied onto one that others froze."""
    writer = member(store, "writer", whose)
    theirs = writer.ingest(spec, ALL, "i1", None, scope=whose, **WHOLE)
    with store.db.write() as conn:
        wanted = lookup(store.vault, conn, OPERATIONS, "things", ALL, "i1")
        conn.execute(update(snapshots).where(snapshots.c.id == theirs.id).values(lookup=wanted))
    with pytest.raises(IntegrityError, match="another"):
        store.snapshots.find("things", ALL, "i1", [OPERATIONS])


@pytest.mark.parametrize("what", ["window", "identity", "source"])
def test_a_snapshot_of_other_rows_is_not_found_by_a_borrowed_name(store: Store, spec, what):
    """An older one, or of another day, under the name of the one that is asked for; no key is needed."""
    old = store.ingest(spec)
    asked = {
        "window": ("things", day("2013-06-02"), "i1"),
        "identity": ("things", ALL, "i2"),
        "source": ("others", ALL, "i1"),
    }[what]
    with store.db.write() as conn:
        wanted = lookup(store.vault, conn, OPERATIONS, *asked)
        conn.execute(update(snapshots).where(snapshots.c.id == old.id).values(lookup=wanted))
    with pytest.raises(IntegrityError, match="another"):
        store.snapshots.find(*asked, [OPERATIONS])


# ---------------------------------------------------------------- another department's model by name


@pytest.fixture
def fred(office: Office) -> Office:
    """Who may do everything in fleet, and uses the names of what ops declares."""
    office.registry.record(training(), b"ours")
    office.registry.promote("late", 1, why="good")
    office.publish()
    return office.member("fred", Scope("fleet"), Role.ADMIN)


def declared(office: Office) -> Office:
    """As the nightly service sees it: it holds both departments' keys, and conf says whose model it is."""
    again = Office.open(office.root)
    again.vault.homes = {"late": "ops"}
    return again


def scored_by(fred: Office, date=DAY) -> None:
    writer = fred.warehouse.begin("late", "fleet", date, "theirs", SCHEMA, KEY)
    writer.put(0, frame(5, 900))
    writer.finish({}, {})


def test_another_department_makes_no_champion_of_ours(office, fred):
    theirs = training(department="fleet", fingerprint="a" * 64, definition_fingerprint="b" * 64)
    fred.registry.record(theirs, b"theirs")
    fred.registry.promote("late", 2, why="mine now")
    service = declared(office)
    champion = service.registry.champion("late")
    assert (champion.number, service.registry.artifact(champion)) == (1, b"ours")
    assert [v.number for v in service.registry.versions("late")] == [1]
    found = service.registry.standings({"late": Asked("b" * 64, ("a" * 64,))})["late"]
    assert (found.newest, found.found) == (None, {})
    for refused in (service.registry.get, lambda *a: service.registry.promote(*a, why="x", force=True)):
        with pytest.raises(NotFound):
            refused("late", 2)
    assert service.registry.promote("late", 1, why="again").sequence == 1
    service.registry.record(training(fingerprint="c" * 64), b"newer")
    assert service.registry.promote("late", 3, why="newer", expected=1).sequence == 3
    assert service.registry.rollback("late", why="back").number == 1


def test_another_department_publishes_no_output_of_ours(office, fred):
    for date in (DAY, NEXT):
        scored_by(fred, date)
    service = declared(office)
    assert service.rows(date=DAY).equals(service.rows().drop("logical_date", strict=False))
    assert service.rows(date=DAY).equals(frame(300))
    assert [head.date for head in service.warehouse.heads("late")] == [DAY]
    assert [output.ref for output in service.warehouse.outputs("late")] == [f"late/{DAY}#1"]
    assert service.warehouse.find("late", DAY, "theirs") is None
    for refused in (lambda: service.rows(date=NEXT), lambda: service.warehouse.get(f"late/{DAY}#2")):
        with pytest.raises(NotFound):
            refused()
    assert service.publish(fingerprint="b", start=1_000).head
    assert service.rows(date=DAY)["score"][0] == 1_000
    assert service.warehouse.expire("late", NEXT) == [f"late/{DAY}#1", f"late/{DAY}#3"]


@pytest.mark.parametrize("table", ["model_versions", "output_versions"])
def test_nothing_of_ours_is_passed_over_by_calling_it_theirs(office, fred, table):
    """Whose a version is, is a column that nobody signed by itself: the newest would vanish with it."""
    office.registry.record(training(fingerprint="c" * 64), b"newer")
    office.registry.promote("late", 2, why="newer")
    office.publish(fingerprint="b", start=1_000)
    rows = registry.model_versions if table == "model_versions" else outputs.output_versions
    with office.db.write() as conn:
        conn.execute(update(rows).where(rows.c.number == 2).values(department="fleet"))
    service = declared(office)
    with pytest.raises(IntegrityError, match="signed"):
        service.registry.champion("late") if table == "model_versions" else service.rows(date=DAY)


# ---------------------------------------------------------------- who was admin of a department


@pytest.fixture
def gone(office: Office) -> Office:
    """Anna was admin of ops, and was revoked; she has an account on the database."""
    office.publish()
    anna = office.member("anna", OPS, Role.ADMIN)
    with anna.db.read() as conn:
        anna.vault.ring.active(conn, OPS)  # and remembers the key that was in use
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", OPS)
    return anna


def keys_of_ops(conn) -> list:
    keys = t.tree_keys.c
    mine = select(t.tree_keys).where(keys.department == "ops", keys.model == "")
    return conn.execute(mine.order_by(keys.version.desc())).all()


def given_nonsense(anna: Office, conn, grant_id: str, to: Office, at: int) -> None:
    """The key in use, which Anna never saw, sealed and signed by her: of what is in it nothing is asked."""
    me, newest = anna.vault.identity, keys_of_ops(conn)[0]
    names = ("grant_id", "key_id", "recipient", "sealed", "created", "issuer")
    fields = (grant_id, newest.id, to.vault.identity.public.id, b"nonsense", at, me.public.id)
    signature = me.sign(grant_key_statement(anna.vault.trust, *fields))
    conn.execute(insert(t.grant_keys).values(**dict(zip(names, fields, strict=True)), signature=signature))


def rotated(office: Office) -> None:
    again = Office.open(office.root)
    with again.db.write() as conn:
        rotation.rotate(again.vault.ring, conn, OPS)


def test_who_was_admin_does_not_have_the_next_keys_sealed_to_themselves(office, gone):
    with gone.db.write() as conn:
        (revoked,) = conn.execute(select(t.revocations.c.subject)).scalars().all()
        conn.execute(t.revocations.delete())
        given_nonsense(gone, conn, revoked, gone, clock.now())
    with pytest.raises(IntegrityError, match="removed its revocation"):
        rotated(office)


def test_who_was_admin_does_not_have_them_sealed_to_a_friend_by_dating_back(office, gone):
    """Nothing was taken out: the friend's grant was signed while she was admin, or so it says."""
    friend = office.member("friend", None)
    with gone.db.unchecked(write=True) as conn:
        at = conn.execute(select(t.revocations.c.at)).scalar_one() - 1
        fields = ("f" * 26, friend.vault.identity.id, "ops", "", "reader", at, gone.vault.identity.public.id)
        signature = gone.vault.identity.sign(gone.vault.trust.statement("grant", *fields))
        names = ("id", "principal_id", "department", "model", "role", "created", "issuer")
        conn.execute(insert(t.grants).values(**dict(zip(names, fields, strict=True)), signature=signature))
        given_nonsense(gone, conn, "f" * 26, friend, at)
    with pytest.raises(IntegrityError, match="removed its revocation"):
        rotated(office)


def test_who_was_admin_does_not_slip_in_a_newer_key_by_dating_back(office, gone):
    """Signed by her while she was admin, or so it says: from then on everybody would write under her key."""
    with gone.db.unchecked(write=True) as conn:
        at = conn.execute(select(t.revocations.c.at)).scalar_one() - 1
        key = gone.vault.ring.new_tree_key(conn, OPS, 3, None)
        row = dict(conn.execute(select(t.tree_keys).where(t.tree_keys.c.id == key.id)).one()._mapping)
        row["created"] = at
        row["signature"] = gone.vault.identity.sign(key_statement(gone.vault.trust, row))
        conn.execute(update(t.tree_keys).where(t.tree_keys.c.id == key.id).values(**row))
    again = Office.open(office.root)
    with (
        pytest.raises(IntegrityError, match="its time is earlier than that of an older key"),
        again.db.write() as conn,
    ):
        again.vault.new_data_key(conn, OPS, Kind.SNAPSHOT, "later")


def test_who_was_given_the_key_by_an_admin_still_gets_the_next(office):
    """Through three hands, on the department and on a model, and again after a rotation."""
    office.publish()
    ben = office.member("ben", OPS, Role.ADMIN)
    for name, scope in (("carla", OPS), ("dora", Scope("ops", "late"))):
        office.member(name, None)
        with ben.db.write() as conn:
            grants.grant(ben.vault.ring, conn, name, scope, Role.READER)
    for who in (office, ben, office):
        again = Office.open(office.root, who.vault.principal if who is ben else "me")
        with again.db.write() as conn:
            rotation.rotate(again.vault.ring, conn, OPS)
    for name in ("carla", "dora"):
        assert Office.open(office.root, name).rows(date=DAY).height == 300


@pytest.mark.parametrize("scope", [OPS, Scope("ops", "late")], ids=str)
def test_who_was_given_the_key_by_an_admin_keeps_it_when_that_admin_goes(office, scope):
    office.publish()
    ben = office.member("ben", OPS, Role.ADMIN)
    office.member("carla", None)
    with ben.db.write() as conn:
        grants.grant(ben.vault.ring, conn, "carla", scope, Role.READER)
    with office.db.write() as conn:
        rotation.revoke_principal(office.vault.ring, conn, "ben")
    rotated(office)
    assert Office.open(office.root, "carla").rows(date=DAY).height == 300
