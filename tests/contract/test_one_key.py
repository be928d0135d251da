"""Looking up one key takes few transactions and statements, whatever an output's size, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from kronkers_batch.access.setup import initialise, make_ledger, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.registry.registry import Registry
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.warehouse import filters
from kronkers_batch.warehouse.warehouse import Warehouse
from tests.contract import databases
from tests.warehouse_support import DAY, NEXT, Office

READING = ("grants", "revocations", "output_log", "output_versions", "output_filters", "output_pieces")
WRITING = ("ledger", "tree_keys", "data_keys", "INSERT")
READ_BACK = ("ledger",)


@pytest.fixture(params=databases.KINDS)
def office(request, tmp_path):
    with databases.address(request, tmp_path) as url:
        made = _made(tmp_path, url)
        yield made
        made.db.close()


def _made(root, url) -> Office:
    db = Database(Secret(url), wait=5)
    db.migrate()
    initialise(db, root / "keys" / "me.key", ["ops", "fleet"])
    vault = open_vault(db, root / "keys" / "me.key")
    ledger, artifacts = make_ledger(db, vault), ArtifactStore(str(root / "artifacts"))
    return Office(root, db, vault, Warehouse(db, vault, ledger), Registry(db, artifacts, vault, ledger))


@contextmanager
def counted(db: Database, monkeypatch) -> Iterator[list[tuple[str, list[str]]]]:
    """The transactions of a block: whether each reads or writes, and the tables that are asked in it."""
    found: list[tuple[str, list[str]]] = []
    unchecked = db.unchecked

    def begun(*, write, **how):
        found.append(("write" if write else "read", []))
        return unchecked(write=write, **how)

    def seen(_conn, _cursor, statement, *_more):
        words = statement.split()
        name = words[words.index("FROM") + 1] if "FROM" in words else words[0]
        if name in READING + WRITING:
            found[-1][1].append(name)

    engines = {db._opened(), db._opened(looking=True)}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", seen)
    with monkeypatch.context() as patched:
        patched.setattr(db, "unchecked", begun)
        yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", seen)


def lookup(office: Office, flight: int, origin: str, *date) -> list[float]:
    """As a command asks: the caller's right in the transaction that finds."""

    def may(conn):
        office.vault.require(conn, Scope("ops", "late"), Role.READER)

    return office.warehouse.rows.lookup("late", [(flight, origin)], *date, may=may)["score"].to_list()


@pytest.mark.parametrize("chunks", [1, 2 * filters.GROUP + 1])
def test_a_warm_lookup_is_one_reading_and_one_noted_line_that_is_read_back(office, chunks, monkeypatch):
    office.publish(chunks=chunks, rows=8)
    office.publish(NEXT, chunks=1)
    assert lookup(office, 5, "LGA", DAY) == [5.0]
    for flight in (1, 4, 7):
        with counted(office.db, monkeypatch) as transactions:
            assert lookup(office, flight, "JFK", DAY) == [flight]
        (read, asked), (write, wrote), (again, looked) = transactions
        assert (read, write, again) == ("read", "write", "read")
        # One statement for all groups of filters that lie alike: the full ones, and perhaps the last.
        assert sorted(set(asked)) == sorted(READING)
        assert len(asked) <= len(READING) + 1
        assert tuple(wrote) == WRITING
        assert tuple(looked) == READ_BACK


def test_keys_of_all_dates_take_two_more_statements_a_date(office, monkeypatch):
    for day in (DAY, NEXT):
        office.publish(day, chunks=2)
    lookup(office, 5, "LGA")
    with counted(office.db, monkeypatch) as transactions:
        assert lookup(office, 5, "LGA") == [5.0, 5.0]
    assert [kind for kind, _ in transactions] == ["read", "write", "read"]
    assert len(transactions[0][1]) <= len(READING) + 2
