"""The warehouse on PostgreSQL: what is of no other kind of database. The rest is in test_databases.py."""

import time

import pytest
from sqlalchemy import select, text

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables import metadata
from kronkers_batch.store.tables import vault as t
from tests.contract.database_postgresql import fill


@pytest.fixture
def name(postgres):
    with postgres.database() as made:
        yield made


@pytest.fixture
def db(postgres, name):
    fill(postgres, name)
    made = Database(Secret(postgres.url(name)), wait=5)
    yield made
    made.close()


@pytest.mark.parametrize(
    "lock",
    ["SELECT pg_advisory_xact_lock(hashtext('ledger'))", "LOCK TABLE grants IN ACCESS EXCLUSIVE MODE"],
)
def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(postgres, name, lock):
    fill(postgres, name)
    db = Database(Secret(postgres.url(name)), wait=1)
    with postgres.connect(name) as other, other.transaction():
        other.execute(lock)
        with pytest.raises(StoreError, match="locked"):
            _look(db, 0)
    with db.write() as conn:
        serialise(conn, "ledger")
    db.close()


SETTINGS = ["client_encoding = 'SQL_ASCII'", "client_encoding = 'LATIN1'", "bytea_output = 'escape'"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_somebody_sets_for_the_database_changes_nothing(postgres, name, db, setting):
    postgres.execute("postgres", f"ALTER DATABASE {name} SET {setting}")
    with db.write() as conn:
        conn.execute(t.warehouse.insert().values(id="\u00e4\u20ac", created=1))
    again = Database(Secret(postgres.url(name)))
    again.migrate()
    with again.read() as conn:
        assert conn.execute(select(t.warehouse.c.id)).scalar() == "\u00e4\u20ac"
    again.close()


def test_a_time_limit_that_somebody_set_ends_in_words(postgres, name, db):
    postgres.execute("postgres", f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '50ms'")
    with pytest.raises(StoreError, match="took longer than it allows"):
        _look(db, 0.5)


def _look(db: Database, seconds: float) -> None:
    with db.write() as conn:
        time.sleep(seconds)
        serialise(conn, "ledger")
        conn.execute(select(t.grants)).all()


def test_tables_of_other_schemas_do_not_answer_for_these(postgres, name, db):
    with db.write() as conn:
        row = {"subject": "s", "at": 1, "issuer": "i", "signature": b"x"}
        conn.execute(t.revocations.insert().values(**row))
    postgres.execute(
        name,
        "CREATE SCHEMA first",
        "CREATE TABLE first.revocations AS SELECT * FROM public.revocations WHERE false",
    )
    again = Database(Secret(postgres.url(name)))
    with again.read() as conn:
        assert len(conn.execute(select(t.revocations)).all()) == 1
        path = conn.execute(text("SHOW search_path")).scalar_one()
    assert path == "public, pg_temp"
    again.close()


def test_another_schema_may_be_named_in_the_address(postgres, name):
    postgres.execute(name, "CREATE SCHEMA mine", "CREATE TABLE public.customers (a int)")
    db = Database(Secret(postgres.url(name) + "?options=-csearch_path%3Dmine"))
    db.migrate()
    with db.read() as conn:
        assert conn.execute(select(t.grants)).all() == []
    assert postgres.execute(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'mine'") == [
        (len(metadata.tables) + 1,)
    ]
    db.close()
    with pytest.raises(StoreError, match="another program"):
        Database(Secret(postgres.url(name))).migrate()
