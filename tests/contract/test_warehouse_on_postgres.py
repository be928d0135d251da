"""The warehouse on a real PostgreSQL server: opening, migrating, the exact schema, grants and the record."""

import contextlib
import threading
import time

import pytest
from sqlalchemy import select, text

from kronkers_batch.config.spec import Secret
from kronkers_batch.errors import AccessRefused, IntegrityError, StoreError, TakenOver
from kronkers_batch.store import described, exact, migrate
from kronkers_batch.store.claims import RunClaim
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables import metadata
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.runs import runs
from kronkers_batch.vault import grants, keyfile, pin, rotation
from kronkers_batch.vault.context import Context, Kind, Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.setup import initialise, make_ledger, open_vault

SALES = Scope("sales")


@pytest.fixture
def name(postgres):
    with postgres.database() as made:
        yield made


@pytest.fixture(scope="module")
def migrated(postgres):
    """The name of a database with its tables, to be copied: making them takes a second."""
    with postgres.database() as made:
        template = Database(Secret(postgres.url(made)))
        template.migrate()
        template.close()
        yield made


@pytest.fixture
def db(postgres, name, migrated):
    postgres.execute("postgres", f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {migrated}")
    made = Database(Secret(postgres.url(name)), wait=5)
    yield made
    made.close()


def test_the_committed_description_is_what_the_migrations_make(postgres, name):
    kind, made = described.made_by_migrations(postgres.url(name))
    assert kind == "postgresql"
    committed = exact.committed(kind).read_text(encoding="utf-8")
    assert exact.page(made) == committed, "write it anew: python -m kronkers_batch.store.described URL"


def test_opening_again_changes_nothing_and_two_may_make_it_at_once(postgres, name):
    errors = []

    def make():
        try:
            Database(Secret(postgres.url(name))).migrate()
        except Exception as error:
            errors.append(error)

    both = [threading.Thread(target=make) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert errors == []
    again = Database(Secret(postgres.url(name)))
    again.migrate()
    with again.read() as conn:
        assert conn.execute(select(t.grants)).all() == []
    again.close()


@pytest.mark.parametrize(
    "lock",
    ["SELECT pg_advisory_xact_lock(hashtext('ledger'))", "LOCK TABLE grants IN ACCESS EXCLUSIVE MODE"],
)
def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(postgres, name, migrated, lock):
    postgres.execute("postgres", f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {migrated}")
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


CHANGES = {
    "trigger t of revocations": [
        "CREATE SCHEMA other",
        "CREATE FUNCTION other.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER t BEFORE INSERT ON revocations FOR EACH ROW EXECUTE FUNCTION other.f()",
    ],
    "rule r of revocations": ["CREATE RULE r AS ON INSERT TO revocations DO INSTEAD NOTHING"],
    "policy p of grants": ["CREATE POLICY p ON grants USING (false)"],
    "table grants is another": ["ALTER TABLE grants ENABLE ROW LEVEL SECURITY"],
    "table v": ["CREATE VIEW v AS SELECT 1"],
    "table m": ["CREATE MATERIALIZED VIEW m AS SELECT 1"],
    "table s": ["CREATE SEQUENCE s"],
    "table extra": ["CREATE TABLE extra (a int)"],
    "child of revocations": ["CREATE TABLE public.x () INHERITS (revocations)"],
    "function f": ["CREATE FUNCTION f(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"],
    "function same": [
        "CREATE FUNCTION same(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = same)",
    ],
    "type d": ["CREATE DOMAIN d AS text"],
    "collation c": ["CREATE COLLATION c FROM \"C\""],
    "column runs.state is another": ["ALTER TABLE runs ALTER state SET DEFAULT 'done'"],
    "column principals.name": ["ALTER TABLE principals ALTER name TYPE text"],
    "column grants.role is another": ["ALTER TABLE grants ALTER role TYPE varchar(16) COLLATE \"POSIX\""],
    "column ledger.at": ["ALTER TABLE ledger ALTER at DROP NOT NULL"],
    "column warehouse.extra": ["ALTER TABLE warehouse ADD extra int GENERATED ALWAYS AS (1) STORED"],
    "constraint k of runs": ["ALTER TABLE runs ADD CONSTRAINT k CHECK (started > 0)"],
    "constraint pk_revocations of revocations is missing": [
        "ALTER TABLE revocations DROP CONSTRAINT pk_revocations"
    ],
    "index ix_grants_principal_id is another": [
        "DROP INDEX ix_grants_principal_id",
        "CREATE INDEX ix_grants_principal_id ON grants (principal_id) WHERE role = 'viewer'",
    ],
    "index i": ["CREATE INDEX i ON grants (lower(role))"],
    "disabled trigger of": ["ALTER TABLE data_keys DISABLE TRIGGER ALL"],
    "cast": ["CREATE CAST (varchar AS boolean) WITH INOUT AS IMPLICIT"],
    "event trigger e": [
        "CREATE SCHEMA other",
        "CREATE FUNCTION other.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION other.f()",
    ],
}  # fmt: skip


class Undo(Exception):
    """Ends a transaction that is not to be kept."""


def test_each_change_of_the_schema_is_found_and_named(db):
    for what, statements in CHANGES.items():
        with contextlib.suppress(Undo), db.unchecked(write=True) as conn:
            before = db.backend.version(conn)
            for statement in statements:
                conn.execute(text(statement))
            there = exact.objects(conn)
            with pytest.raises(IntegrityError, match="schema of the database") as caught:
                exact.require(conn, "x", there, migrate.REVISIONS[-1])
            assert what.partition(" is ")[0] in caught.value.what, caught.value.what
            assert db.backend.version(conn) != before, what
            raise Undo


def test_a_changed_schema_is_refused_at_opening_and_while_open(postgres, name, db, monkeypatch):
    monkeypatch.setattr(exact, "_SECONDS", 0.0)
    with db.read() as conn:
        conn.execute(select(t.revocations)).all()
    postgres.execute(name, *CHANGES["trigger t of revocations"])
    for attempt in (Database(Secret(postgres.url(name))).migrate, db.read().__enter__, db.write().__enter__):
        with pytest.raises(IntegrityError, match="trigger t of revocations"):
            attempt()


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


@pytest.mark.parametrize("rows", [(), ("0001", "0000"), ("9999",)])
def test_the_table_with_the_revision_is_changed(postgres, name, db, rows):
    put = [f"INSERT INTO alembic_version VALUES ('{row}')" for row in rows]
    postgres.execute(name, "DELETE FROM alembic_version", *put)
    with pytest.raises(StoreError if rows == ("9999",) else IntegrityError):
        Database(Secret(postgres.url(name))).migrate()


# ---------------------------------------------------------------- who may what, and the record


@pytest.fixture
def house(db, tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    first = initialise(db, tmp_path / "keys/me.key", ["sales"])
    return open_vault(db, first.key_file), tmp_path / "keys"


def member(db, house, name: str, role: Role):
    admin, folder = house
    identity = Identity.generate(name)
    keyfile.create(folder / f"{name}.key", identity)
    shown = pin.from_text(pin.to_text(name, identity.id, identity.public))
    with db.write() as conn:
        admin.trust.add_principal(conn, admin.identity, shown[1], shown[0], shown[2])
        grants.grant(admin.ring, conn, name, SALES, role)
    return open_vault(db, folder / f"{name}.key")


def test_granting_revoking_and_rotating(db, house):
    admin, folder = house
    anna = member(db, house, "anna", Role.READER)
    member(db, house, "ben", Role.READER)
    context = Context(Kind.SNAPSHOT, "sales", "s", "v1")
    with db.write() as conn:
        key = admin.new_data_key(conn, SALES, Kind.SNAPSHOT, "v1")
        sealed = admin.seal(key, context, b"rows")
    with db.read() as conn:
        assert anna.unseal(anna.data_key(conn, key.id), context, sealed) == b"rows"
    with db.write() as conn:
        rotation.revoke(admin.ring, conn, "anna", SALES)
    with db.read() as conn, pytest.raises(AccessRefused):
        open_vault(db, folder / "anna.key").data_key(conn, key.id)
    ben = open_vault(db, folder / "ben.key")
    with db.read() as conn:
        assert ben.unseal(ben.data_key(conn, key.id), context, sealed) == b"rows"
        assert ben.trust.revocations.flawed(conn) == []


def test_the_ledger_is_chained_and_its_details_open(db, house):
    admin, _ = house
    ledger = make_ledger(db, admin)
    with db.write() as conn:
        ledger.append(conn, "admin", "read", "x", {"a": 1}, department="sales")
    with db.read() as conn:
        assert list(ledger.entries(conn))[-1].details == {"a": 1}
    assert ledger.verify().seq >= 4
    with db.write() as conn:
        conn.execute(text("UPDATE ledger SET subject = 'y' WHERE seq = 2"))
    with pytest.raises(IntegrityError, match="entry 2 was changed"):
        ledger.verify()


def test_a_trigger_that_is_planted_meanwhile_does_not_undo_a_revocation_unnoticed(postgres, name, db, house):
    """Between the look at the schema and the statement: the row is not there, and it is not said to be."""
    admin, _ = house
    member(db, house, "anna", Role.READER)
    revoke = rotation.revoke

    def raced(*arguments):
        postgres.execute(name, *CHANGES["trigger t of revocations"])
        revoke(*arguments)

    with pytest.raises(IntegrityError, match="trigger t of revocations"), db.write() as conn:
        raced(admin.ring, conn, "anna", SALES)


def test_what_was_written_is_read_back(postgres, name, db, house, monkeypatch):
    admin, _ = house
    member(db, house, "anna", Role.READER)
    monkeypatch.setattr(exact, "compare", lambda _found, _wanted: "")
    postgres.execute(name, *CHANGES["trigger t of revocations"])
    with pytest.raises(IntegrityError, match="the revocation of"), db.write() as conn:
        rotation.revoke(admin.ring, conn, "anna", SALES)


CLAIM = RunClaim("a", 1)
ROW = {
    "id": "a",
    "logical_date": "2013-06-01",
    "started": 1,
    "state": "running",
    "trigger": "command",
    "token": 1,
}


def taken_over(db):
    """Another host takes the run over, in a thread of its own; returns the thread."""

    def take():
        with Database(db._url).write() as conn:
            conn.execute(runs.update().values(token=2))

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def test_a_run_is_taken_over_only_between_its_transactions(db):
    """What the run writes and that it still has the claim are of one moment: the row is locked to the end."""
    with db.write() as conn:
        conn.execute(runs.insert().values(ROW))
    with db.under(CLAIM):
        with db.write() as conn:
            other = taken_over(db)
            other.join(0.5)
            assert other.is_alive()
            conn.execute(runs.update().values(exit_code=1))
        other.join()
        with pytest.raises(TakenOver), db.write() as conn:
            conn.execute(runs.update().values(exit_code=2))
    with db.read() as conn:
        assert conn.execute(select(runs.c.token, runs.c.exit_code)).all() == [(2, 1)]


def test_a_run_that_is_being_taken_over_waits_and_then_writes_nothing(db):
    with db.write() as conn:
        conn.execute(runs.insert().values(ROW))
    found = []

    def write():
        with db.under(CLAIM):
            try:
                with db.write() as conn:
                    conn.execute(runs.update().values(exit_code=2))
            except TakenOver as error:
                found.append(error)

    with Database(db._url).write() as conn:
        conn.execute(runs.update().values(token=2))
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()
    assert len(found) == 1
    with db.read() as conn:
        assert conn.execute(select(runs.c.exit_code)).scalar() is None
