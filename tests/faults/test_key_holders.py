"""Who holds a key and can write to the database, but has no right to write: a reader, or somebody revoked."""

import contextlib
import dataclasses

import pytest
from sqlalchemy import select, update

from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import ledger as ledgers
from kronkers_batch.store.tables import outputs as o
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation, sealing
from kronkers_batch.vault.context import DataKey, Kind, Role, Scope
from kronkers_batch.vault.manifest import digest
from kronkers_batch.warehouse import output_chunks
from kronkers_batch.warehouse.output_chunks import Entry, Place
from tests.warehouse_support import DAY, SCHEMA, Office, frame

OPS, LATE = Scope("ops"), Scope("ops", "late")
WANTED = {"flight": 150, "origin": "EWR"}


@pytest.fixture
def anna(office: Office) -> Office:
    """A reader of the department, who has an account on the database."""
    office.publish()
    return office.member("anna", OPS, Role.READER)


def found(office: Office) -> list[float]:
    """The score of one key, as a new process finds it through the filters."""
    return Office.open(office.root).warehouse.rows.lookup("late", [WANTED], date=DAY)["score"].to_list()


# ---------------------------------------------------------------- rows that are to disappear


def test_the_untouched_key_is_found(office, anna):
    assert found(anna) == found(office) == [150.0]


def test_a_filter_that_a_reader_sealed_is_refused(office, anna):
    """Sealed under the right key in the right place, and empty: a lookup would find nothing anywhere."""
    with anna.db.write() as conn:
        version = conn.execute(select(o.output_versions)).one()
        context = Place("ops", "late", str(DAY), version.id).filter(0, 0)
        key = anna.vault.data_key(conn, version.key_id)
        full = anna.vault.unseal(key, context, conn.execute(select(o.output_filters.c.data)).scalar_one())
        conn.execute(update(o.output_filters).values(data=anna.vault.seal(key, context, bytes(len(full)))))
    with pytest.raises(IntegrityError, match="filter"):
        found(office)


def test_another_filter_key_in_its_place_is_refused(office, anna):
    """The key that hashes entity keys is wrapped, not signed: with another one no filter knows any key."""
    with anna.db.write() as conn:
        row = conn.execute(select(t.data_keys).where(t.data_keys.c.kind == "filter")).one()
        real = anna.vault.data_key(conn, row.id)
        other = dataclasses.replace(real, key=sealing.generate_key())
        wrapped = anna.vault.ring.wrap_data_key(other, anna.vault.ring.active(conn, LATE))
        conn.execute(update(t.data_keys).where(t.data_keys.c.id == row.id).values(wrapped=wrapped))
    with pytest.raises(IntegrityError, match="key of its filters"):
        found(office)
    assert office.rows(date=DAY).equals(frame(300))  # the rows themselves hang on no filter


# ---------------------------------------------------------------- an operator's signature, borrowed


@pytest.mark.parametrize("what", ["contents", "rows", "nonsense"])
def test_a_chunk_planted_in_an_unfinished_version_is_not_signed(office, anna, what):
    """A night broke off. A reader exchanges a landed chunk, and names the contents that a rerun has."""
    writer = office.begin(fingerprint="b")
    for number in range(2):
        writer.put(number, frame(100, number * 100))
    writer.flush()
    with anna.db.write() as conn:
        row = conn.execute(select(o.output_versions).where(o.output_versions.c.state == "writing")).one()
        key, place = anna.vault.data_key(conn, row.key_id), Place("ops", "late", str(DAY), row.id)
        rows = 1_000 if what == "rows" else 100
        plain = output_chunks.encode(frame(100) if what == "rows" else frame(100, 5_000))
        data = anna.vault.seal(key, place.chunk(0, rows, SCHEMA.digest()), plain)
        honest = digest(output_chunks.encode(frame(100)))
        entry = Entry(rows, digest(data), honest, SCHEMA.digest()).to_bytes()
        entry = b'{"rows": []}' if what == "nonsense" else entry
        planted = {"data": data, "entry": anna.vault.seal(key, place.entry(0), entry)}
        mine = (o.output_pieces.c.version_id == row.id) & (o.output_pieces.c.number == 0)
        conn.execute(update(o.output_pieces).where(mine).values(**planted))
    writer = Office.open(office.root).begin(fingerprint="b")
    for number in range(2):
        writer.put(number, frame(100, number * 100))
    output = writer.finish({}, {})
    assert (output.head, output.rows) == (True, 200)
    assert office.rows(date=DAY).equals(frame(200))


# ---------------------------------------------------------------- somebody revoked, who kept every key


@pytest.fixture
def gone(office, anna):
    """Anna was revoked; she remembers the department's and the model's key, and all data keys."""
    ring = anna.vault.ring
    with anna.db.read() as conn:
        for row in conn.execute(select(t.data_keys.c.id).where(t.data_keys.c.department == "ops")).all():
            anna.vault.data_key(conn, row.id)
        kept = {scope: ring.active(conn, scope) for scope in (OPS, LATE)}
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", OPS, whole=False)
    return kept


def write_later(office: Office) -> None:
    """What the next night does."""
    Office.open(office.root).publish(fingerprint="later")


@pytest.mark.parametrize("scope", [OPS, LATE], ids=str)
@pytest.mark.parametrize("what", ["older", "newest"])
def test_nothing_is_written_under_an_older_key_whatever_the_database_says(office, gone, scope, what):
    """States are not signed: she declares the key that she knows the one in use."""
    keys = t.tree_keys.c
    with office.db.write() as conn:
        mine = (keys.department == "ops") & (keys.model == scope.model)
        if what == "older":
            conn.execute(update(t.tree_keys).where(mine & (keys.version == 1)).values(state="active"))
        conn.execute(update(t.tree_keys).where(mine & (keys.version == 2)).values(state="retired"))
    again = Office.open(office.root)
    with pytest.raises(IntegrityError, match="newest key: it is not in use"), again.db.write() as conn:
        again.vault.new_data_key(conn, scope, Kind.SNAPSHOT, "later")


def test_nothing_is_written_under_a_model_key_that_she_slipped_in(office, anna, gone):
    """Made and signed by her, under the department's old key, which is still there while rotation goes on."""
    with anna.db.write() as conn:
        anna.vault.ring.new_tree_key(conn, LATE, 3, gone[OPS])
    with pytest.raises(IntegrityError, match="depends on an older key"):
        write_later(office)


@pytest.mark.parametrize("scope", [OPS, LATE], ids=str)
def test_a_revocation_taken_out_of_the_database_gives_nothing_back(office, scope):
    """The grant's own row is still there, signed and true once: a later rotation must not seal to it."""
    anna = office.member("anna", scope, Role.READER)
    old = office.publish()
    with office.db.write() as conn:
        kept = conn.execute(select(t.grant_keys)).all()
        rotation.revoke(office.vault.ring, conn, "anna", scope)
    with office.db.write() as conn:
        conn.execute(t.revocations.delete())
        for row in kept:  # and everything that rotation took out, put back
            if row.recipient == anna.vault.identity.public.id:
                conn.execute(t.grant_keys.insert().values(**row._mapping))
    again = Office.open(office.root)
    with pytest.raises(IntegrityError, match="removed its revocation"), again.db.write() as conn:
        rotation.rotate(again.vault.ring, conn, scope)
    with pytest.raises(AccessRefused):
        Office.open(office.root, "anna").warehouse.rows.read("late", date=DAY)
    with again.db.write() as conn:  # what the message says to do
        rotation.revoke(again.vault.ring, conn, "anna", scope)
        rotation.rotate(again.vault.ring, conn, scope)
    assert again.warehouse.get(old.ref).rows == 300


def test_what_the_ledger_says_later_is_closed_to_the_keys_that_she_kept(office, anna, gone):
    """Also the keys of small records are new ones after a rotation."""
    before = _seen(anna)
    assert any(details and "fingerprint" in details for _, details in before)
    write_later(office)
    office.warehouse.rows.read("late", date=DAY, recorded=("export", {"to": "/x/out.csv"}))
    later = _seen(anna)[len(before) :]
    assert [action for action, _ in later] == ["publish", "export"]
    assert [details for _, details in later] == [None, None]
    assert [details for _, details in _seen(office)][-1] == {"to": "/x/out.csv"}
    with pytest.raises(AccessRefused), anna.db.write() as conn:
        anna.vault.record_key(conn, LATE, "ledger")


@pytest.mark.parametrize("when", ["before", "while it rotates", "after"])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.READER])
def test_the_key_of_later_records_cannot_be_planted(office, role, when):
    """Wrapped under a key that she holds, by any name that it may get: a rotation carries it along."""
    anna = office.member("anna", OPS, role)
    office.member("ben", OPS, Role.READER)
    office.publish()
    before = _seen(anna)
    with anna.db.read() as conn:
        kept = anna.vault.ring.active(conn, OPS), anna.vault.ring.active(conn, LATE)

    def plant() -> None:
        with office.db.unchecked(write=True) as conn:
            for parent in kept:
                keys = t.tree_keys.c
                known = conn.execute(select(keys.id).where(keys.model == parent.scope.model)).scalars().all()
                for name in ("1", "2", "3", *known):
                    for purpose in ("ledger", "runs", "definitions"):
                        _plant(conn, anna, parent, f"{purpose} {name}")

    if when == "before":
        plant()
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", OPS, whole=False)
    if when == "while it rotates":
        plant()
    with contextlib.suppress(IntegrityError), Office.open(office.root).db.write() as conn:
        while rotation.rewrap(Office.open(office.root).vault.ring, conn, OPS):
            pass
    if when == "after":
        plant()
    planted = anna.vault.ring._planted
    with contextlib.suppress(IntegrityError):
        write_later(office)
    with office.db.read() as conn:
        made = set(conn.execute(select(ledgers.ledger.c.key_id)).scalars().all())
    assert not made & set(planted)
    assert [details for _, details in _seen(anna)[len(before) :] if details] == []


def _plant(conn, anna: Office, parent, name: str) -> None:
    ring = anna.vault.ring
    ring.__dict__.setdefault("_planted", [])
    key = DataKey(new_id(), parent.scope, Kind.RECORD, name, b"k" * 32)
    row = {
        "id": key.id,
        "kind": "record",
        "department": "ops",
        "model": parent.scope.model,
        "version_id": name,
    }
    row |= {"parent_id": parent.id, "wrapped": ring.wrap_data_key(key, parent), "created": 1}
    done = conn.execute(t.data_keys.insert().prefix_with("OR IGNORE").values(**row))
    if done.rowcount:
        ring._planted.append(key.id)


def test_records_of_before_stay_readable_and_a_rotation_begins_new_keys(office):
    ring = office.vault.ring

    def named(scope, purpose, version):
        return scope, Kind.RECORD, f"{purpose} {version}"

    # As an older version of this program made and named them.
    ring.record_key = lambda conn, key, purpose: ring.find_data_key(
        conn, *named(key.scope, purpose, key.version)
    )
    ring.make_record_key = lambda conn, key, purpose: ring.new_data_key(
        conn, *named(key.scope, purpose, key.version)
    )
    office.publish()
    with office.db.write() as conn:
        kept = office.vault.record_key(conn, LATE, "ledger")
    assert kept.version_id == "ledger 1"
    seen, office, ids = _seen(office), Office.open(office.root), set()
    for fingerprint in ("b", "c"):
        office.publish(fingerprint=fingerprint)
        with office.db.write() as conn:
            ids.add(office.vault.record_key(conn, LATE, "ledger").id)
            rotation.rotate(office.vault.ring, conn, OPS)
    assert len({*ids, kept.id}) == 3
    again = _seen(Office.open(office.root))
    assert again[: len(seen)] == seen
    assert all(details is not None for _, details in again)


def _seen(office: Office) -> list:
    with office.db.read() as conn:
        return [(e.action, e.details) for e in office.warehouse._ledger.entries(conn)]
