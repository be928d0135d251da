"""What a thread reads while a block runs is of one time, until it writes or takes a claim."""

import threading

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.store.engine import Database
from kronkers_batch.store.shared_read import SharedReads
from kronkers_batch.store.tables.runs import runs

ROW = {"logical_date": "2013-06-01", "started": 1, "state": "running", "trigger": "command"}


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/wh/x.db"), wait=0.3)
    made.migrate()
    return made


@pytest.fixture
def begun(db):
    """The statements that began a transaction, in order."""
    found = []

    def note(connection, cursor, statement, *_rest):
        if statement.startswith("BEGIN"):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def count(db):
    with db.read() as conn:
        return len(conn.execute(select(runs.c.id)).all())


def add(db, id):
    with db.write() as conn:
        conn.execute(insert(runs).values(id=id, **ROW))


def by_another(db, id):
    """Another process writes."""
    add(Database(Secret(f"sqlite:///{db.path}")), id)


def test_reads_of_a_block_are_one_transaction_and_see_one_read(db, begun):
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        with db.one_read():
            assert count(db) == 0
        assert count(db) == 0
    assert begun == ["BEGIN", "BEGIN IMMEDIATE"]
    assert count(db) == 1


def test_nothing_is_begun_by_a_block_that_asks_nothing(db, begun):
    with db.one_read():
        pass
    assert begun == []


def test_after_a_write_it_is_another_timestamp(db):
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        add(db, "b")
        assert count(db) == 2


def test_who_waited_for_a_claim_sees_what_was_done_meanwhile(db):
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        with db.claim("output late/2013-06-01"):
            assert count(db) == 1


def test_a_read_that_is_anew_is_never_of_an_earlier_timestamp(db):
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        with db.read(anew=True) as conn:
            assert len(conn.execute(select(runs.c.id)).all()) == 1


def test_what_is_being_read_goes_on_where_the_timestamp_ends(db):
    """A stream that was begun in a block, and is read on after a write and after the block."""

    def stream():
        with db.read() as conn:
            for row in conn.execute(select(runs.c.id).order_by(runs.c.id).execution_options(yield_per=1)):
                yield row.id

    for id in "abc":
        add(db, id)
    with db.one_read():
        rows = stream()
        found = [next(rows)]
        add(db, "d")
        found.append(next(rows))
        assert count(db) == 4
    assert [*found, *rows] == ["a", "b", "c"]


def test_its_connection_is_given_back(db):
    for _ in range(40):  # more than there can be at once
        with db.one_read():
            count(db)
    with db.one_read():
        count(db)
        rows = db.read()
        rows.__enter__()
    rows.__exit__(None, None, None)
    assert db._opened().pool.checkedout() == 0


def test_each_thread_has_a_timestamp_of_its_own(db):
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        seen = []
        thread = threading.Thread(target=lambda: seen.append(count(db)))
        thread.start()
        thread.join()
        assert seen == [1]
        assert count(db) == 0


def test_after_a_statement_that_failed_it_is_another_timestamp(db):
    """On PostgreSQL nothing more can be asked in that transaction. What is only said ends no time."""
    with db.one_read():
        assert count(db) == 0
        by_another(db, "a")
        with pytest.raises(UsageError), db.read():
            raise UsageError("said")
        assert count(db) == 0
        with pytest.raises((StoreError, OperationalError)), db.read() as conn:
            conn.execute(text("SELECT nothing FROM nowhere"))
        assert count(db) == 1


def test_a_transaction_that_cannot_begin_is_tried_again():
    fails = [True]

    def begin():
        if fails:
            fails.clear()
            raise StoreError("locked")
        return threading.Lock()  # any context

    timestamps = SharedReads(begin)
    with timestamps.one():
        with pytest.raises(StoreError), timestamps.read():
            pass
        with timestamps.read():
            pass


def test_a_reader_of_ones_own_keeps_no_log_from_being_truncated(db):
    add(db, "a")
    with db.one_read():
        count(db)
        assert db.scrub(patience=0)
