"""What is remembered of an opened version is used for exactly its row; what can change is asked each time."""

import pytest
from sqlalchemy import update

from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.store.tables.outputs import output_filters, output_log, output_pieces, output_versions
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault import key_cache, sealing
from kronkers_batch.warehouse import opened_version
from tests.warehouse_support import DAY, NEXT, Office

ROW = (5, "LGA")


def found(office: Office, **selection) -> list[float]:
    return office.warehouse.rows.lookup("late", [ROW], DAY, **selection)["score"].to_list()


@pytest.fixture
def opened(office, monkeypatch):
    """The versions that are opened and not remembered."""
    ids = []
    real = opened_version._contents

    def counted(conn, vault, key, row, place):
        ids.append(row.id)
        return real(conn, vault, key, row, place)

    monkeypatch.setattr(opened_version, "_contents", counted)
    return ids


@pytest.fixture
def warm(office, opened):
    """A house in which the head was looked up before, with its version."""
    version = office.publish(chunks=2)
    opened.clear()
    assert found(office) == [5.0]
    return version


def change(office: Office, table, **values) -> None:
    """What somebody does with an account on the database."""
    with office.db.unchecked(write=True) as conn:
        conn.execute(update(table).values(**values))


def test_a_version_is_opened_once_by_whichever_way_it_is_read(office, warm, opened):
    assert found(office) == found(office, version=1) == [5.0]
    assert office.warehouse.rows.lookup("late", [ROW])["score"].to_list() == [5.0]
    assert office.rows(date=DAY).height == 200
    assert opened == [warm.id]


@pytest.mark.parametrize("column", ["manifest", "signature", "signer", "signer_key", "number", "fingerprint"])
def test_a_row_that_was_changed_since_is_refused(office, warm, column):
    with office.db.read() as conn:
        before = conn.execute(output_versions.select()).one()._mapping[column]
    changes = {bytes: lambda: before[:-1] + bytes([before[-1] ^ 1]), int: lambda: before + 1}
    change(office, output_versions, **{column: changes.get(type(before), lambda: before + "x")()})
    with pytest.raises(IntegrityError):
        found(office)
    change(office, output_versions, **{column: before})
    assert found(office) == [5.0]


def test_the_signed_row_of_another_version_is_refused(office, warm):
    office.publish(NEXT)
    with office.db.unchecked(write=True) as conn:
        other = conn.execute(output_versions.select().where(output_versions.c.id != warm.id)).one()
        values = {name: other._mapping[name] for name in ("manifest", "signature")}
        conn.execute(update(output_versions).where(output_versions.c.id == warm.id).values(**values))
    with pytest.raises(IntegrityError):
        found(office)


def test_a_new_head_is_seen_at_once(office, warm):
    other = Office.open(office.root)  # another process
    other.publish(fingerprint="b", start=5, chunks=1, rows=1)
    assert found(office) == [5.0]
    assert office.warehouse.rows.lookup("late", [(0, "EWR")], DAY).height == 0
    other.warehouse.judge(other.warehouse.head("late", DAY), ["rows"])
    assert office.warehouse.rows.lookup("late", [(0, "EWR")], DAY).height == 1
    other.db.close()


def test_what_another_process_deleted_is_not_found(office, warm):
    other = Office.open(office.root)
    other.warehouse.shred(warm.ref, "asked to")
    other.db.close()
    for selection in ({}, {"version": 1}):
        with pytest.raises(NotFound):
            found(office, **selection)


@pytest.mark.parametrize("key", ["record_key_id", "key_id"])
def test_a_key_that_this_process_shredded_opens_nothing_more(office, warm, key):
    with office.db.write() as conn:
        office.vault.shred(conn, conn.execute(output_versions.select()).one()._mapping[key])
    with pytest.raises(NotFound, match="shredded"):
        found(office)


@pytest.mark.parametrize("key", ["record_key_id", "key_id"])
def test_a_key_that_another_process_shredded_opens_nothing_once_it_was_asked_for_again(
    office, warm, key, monkeypatch
):
    with office.db.unchecked(write=True) as conn:
        its = conn.execute(output_versions.select()).one()._mapping[key]
        conn.execute(update(data_keys).where(data_keys.c.id == its).values(wrapped=None))
    assert found(office) == [5.0]  # keys are remembered for some minutes
    later = key_cache.time.monotonic() + key_cache.SECONDS + 1
    monkeypatch.setattr(key_cache.time, "monotonic", lambda: later)
    with pytest.raises(NotFound, match="shredded"):
        found(office)


@pytest.mark.parametrize("table", [output_pieces, output_filters])
def test_chunks_and_filters_are_compared_with_what_is_remembered(office, warm, table):
    change(office, table, data=sealing.seal(sealing.generate_key(), b"", b"x" * 100))
    with pytest.raises(IntegrityError):
        found(office)


@pytest.mark.parametrize("values", [{"action": "hold"}, {"head": ""}, {"details": b"\x01" * 60}])
def test_the_log_is_verified_each_time(office, warm, values):
    change(office, output_log, **values)
    with pytest.raises(IntegrityError):
        found(office)


def test_so_many_bytes_of_manifests_are_remembered_and_no_more(office, opened, monkeypatch):
    monkeypatch.setattr(opened_version, "_KNOWN_BYTES", 5_000)
    known = Office.open(office.root)
    for number in range(1, 9):
        known.publish(fingerprint=str(number), chunks=2)
    opened.clear()
    for number in range(1, 9):
        assert found(known, version=number) == [5.0]
    memory = known.warehouse._known
    held = list(memory._values.values())
    assert 1 <= len(held) < 8
    assert sum(len(contents.row.manifest) for _, contents in held) == memory._weight <= 5_000
    assert found(known, version=8) == [5.0]
    assert len(opened) == 8
    known.db.close()
