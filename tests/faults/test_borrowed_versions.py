"""A rerun goes on with an unfinished output, and seals under the keys that its row names: whose are they?"""

import pytest
from sqlalchemy import select, update

from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.store.tables import outputs as o
from kronkers_batch.store.tables import registry
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation
from kronkers_batch.vault.context import Kind, Role, Scope
from tests.warehouse_support import DAY, Office, frame, training

OPS, FLEET, LATE = Scope("ops"), Scope("fleet"), Scope("ops", "late")
VERSIONS = o.output_versions


@pytest.fixture
def fred(office: Office) -> Office:
    """Who may do everything in fleet; a night of ops broke off, and left an unfinished output."""
    writer = office.begin()
    writer.put(0, frame(100))
    writer.flush()
    return office.member("fred", FLEET, Role.ADMIN)


def rerun(office: Office):
    """What the next run writes, and the key under which it lies."""
    again = Office.open(office.root)
    output = again.publish()
    with again.db.read() as conn:
        row = conn.execute(select(VERSIONS).where(VERSIONS.c.id == output.id)).one()
    return again, row


def test_an_unfinished_output_is_gone_on_with(office, fred):
    with office.db.read() as conn:
        before = conn.execute(select(VERSIONS.c.id)).scalar_one()
    assert rerun(office)[1].id == before


@pytest.mark.parametrize("column", ["key_id", "record_key_id"])
@pytest.mark.parametrize("whose", ["fleet", "another version"])
def test_no_output_is_written_under_keys_that_somebody_put_in_its_row(office, fred, column, whose):
    """The service has both departments' keys: it could open Fred's, and seal the rows of ops under it."""
    kind = Kind.OUTPUT if column == "key_id" else Kind.RECORD
    maker, scope = (fred, Scope("fleet", "late")) if whose == "fleet" else (office, LATE)
    with maker.db.write() as conn:
        planted = maker.vault.new_data_key(conn, scope, kind, "planted")
        conn.execute(update(VERSIONS).values({column: planted.id}))
    _, row = rerun(office)
    assert getattr(row, column) != planted.id
    with fred.db.read() as conn, pytest.raises(AccessRefused):
        fred.vault.data_key(conn, getattr(row, column))


@pytest.mark.parametrize(
    "what", ["key", "fingerprint", "date", "number", "created", "no mark", "another's mark"]
)
def test_what_was_reserved_is_marked_with_the_key_in_use(office, fred, what):
    with office.db.write() as conn:
        row = conn.execute(select(VERSIONS)).one()
        if what == "key":  # another one under the same name, by who could once wrap it
            keys = t.data_keys.c
            conn.execute(update(t.data_keys).where(keys.id == row.key_id).values(version_id="away"))
            other = office.vault.new_data_key(conn, LATE, Kind.OUTPUT, row.id)
            conn.execute(update(VERSIONS).values(key_id=other.id))
        elif what == "fingerprint":
            conn.execute(update(VERSIONS).values(fingerprint="b"))
        elif what == "date":
            conn.execute(update(VERSIONS).values(logical_date="2013-06-02"))
        elif what in ("number", "created"):  # of which the rerun would sign that they are so
            conn.execute(update(VERSIONS).values({what: 0}))
        else:
            conn.execute(update(VERSIONS).values(signature=None if what == "no mark" else b"x" * 32))
    again = Office.open(office.root)
    date = DAY.replace(day=2) if what == "date" else DAY
    made = again.publish(date, fingerprint="b" if what == "fingerprint" else "a")
    assert made.id != row.id
    assert again.rows(date=date).equals(frame(300))


def test_after_a_rotation_an_unfinished_output_begins_anew(office):
    """Who was revoked may have kept the key of its data."""
    anna = office.member("anna", OPS, Role.READER)
    writer = office.begin()
    writer.put(0, frame(100))
    writer.flush()
    with anna.db.read() as conn:
        old = conn.execute(select(VERSIONS)).one()
        anna.vault.data_key(conn, old.key_id)
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", OPS)
    again, row = rerun(office)
    assert row.id != old.id
    assert again.rows(date=DAY).equals(frame(300))


def test_no_reason_is_sealed_under_a_key_of_another_department(office, fred):
    for version in (1, 2):
        office.registry.record(training(fingerprint=str(version) * 64), b"ours")
        office.registry.promote("late", version, why="good")
    output = office.publish()
    with fred.db.write() as conn:
        planted = fred.vault.new_data_key(conn, Scope("fleet", "late"), Kind.RECORD, "planted")
        for table in (VERSIONS, registry.model_versions):
            conn.execute(update(table).values(record_key_id=planted.id))
    again = Office.open(office.root)
    for action in (
        lambda: again.registry.rollback("late", why="a secret"),
        lambda: again.registry.promote("late", 1, why="a secret"),
        lambda: again.warehouse.shred(output.ref, "a secret"),
    ):
        with pytest.raises(IntegrityError):
            action()
