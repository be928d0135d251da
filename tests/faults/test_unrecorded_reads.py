"""Nothing is read that the ledger does not record."""

import sqlite3

import pytest

from kronkers_batch.errors import AccessRefused, IntegrityError, StoreError
from kronkers_batch.vault.context import Role, Scope
from tests.warehouse_support import DAY

READS = {
    "read": lambda w: w.rows.read("late", date=DAY),
    "range": lambda w: w.rows.read("late"),
    "lookup": lambda w: w.rows.lookup("late", [{"flight": 3, "origin": "EWR"}]),
    "sql": lambda w: w.rows.sql("select * from late", ["late"]),
}


def actions(office) -> list[tuple[str, str, str]]:
    ledger = office.warehouse._ledger
    with office.db.read() as conn:
        return [(e.principal, e.action, e.subject) for e in ledger.entries(conn)]


@pytest.mark.parametrize("kind", READS)
def test_a_read_that_cannot_be_recorded_is_refused(office, kind):
    office.publish()
    before = actions(office)
    other = sqlite3.connect(office.db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # nobody else may write
    with pytest.raises(StoreError):
        READS[kind](office.warehouse)
    other.execute("ROLLBACK")
    assert actions(office) == before
    READS[kind](office.warehouse)
    (entry,) = actions(office)[len(before) :]
    assert entry[1] == ("sql" if kind == "sql" else "read")
    other.close()


def test_a_read_is_recorded_before_its_first_row(office):
    office.publish()
    before = len(actions(office))
    office.warehouse.rows.read("late", date=DAY)  # not one row is taken
    assert len(actions(office)) == before + 1


def test_a_model_reader_writes_its_own_lines_with_their_details(office):
    office.publish()
    bob = office.member("bob", Scope("ops", "late"), Role.READER)
    bob.warehouse.rows.read("late", date=DAY, recorded=("export", {"to": "/x/out.csv"}))
    with office.db.read() as conn:
        last = list(office.warehouse._ledger.entries(conn))[-1]
    assert (last.principal, last.action, last.details) == ("bob", "export", {"to": "/x/out.csv"})


def test_who_is_refused_reads_nothing_and_leaves_no_read(office):
    office.publish()
    before = actions(office)
    eve = office.member("eve", Scope("fleet"), Role.ADMIN)
    for read in READS.values():
        with pytest.raises(AccessRefused):
            read(eve.warehouse)
    assert actions(office) == before


def test_nobody_writes_down_what_somebody_else_did(office):
    office.publish()
    bob = office.member("bob", Scope("ops"), Role.OPERATOR)
    bob.warehouse.rows.read("late", date=DAY)
    office.warehouse._ledger.verify()
    with bob.db.write() as conn:
        number = bob.warehouse._ledger.append(conn, "admin", "read", "late/2013-06-01#1", department="ops")
    with pytest.raises(IntegrityError, match=f"entry {number} has a signature that is not its signer"):
        office.warehouse._ledger.verify()


@pytest.mark.parametrize("table", ["output_versions", "output_log"])
def test_nobody_takes_the_credit_for_somebody_elses_output(office, table):
    office.publish()
    office.rows()
    with office.db.write() as conn:
        conn.exec_driver_sql(f"UPDATE {table} SET signer = 'somebody'")
    with pytest.raises(IntegrityError, match="the record names somebody else"):
        office.open(office.root).rows()
