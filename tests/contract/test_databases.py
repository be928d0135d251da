"""One suite for every kind of database that a warehouse may be in: each file of `store/databases/` joins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest
from sqlalchemy import BigInteger, String, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from kronkers_batch.access.setup import initialise, make_ledger, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError, StoreError, TakenOver
from kronkers_batch.store import described, exact, migrate, pending, questions, transaction
from kronkers_batch.store.claims import RunClaim
from kronkers_batch.store.databases import DATABASES, Backend, of
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables import metadata
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.runs import runs
from kronkers_batch.vault import grants, keyfile, pin, rotation
from kronkers_batch.vault.context import Context, Kind, Role, Scope
from kronkers_batch.vault.identity import Identity
from tests.contract import databases

SALES = Scope("sales")
CLAIM = RunClaim("a", 1)
ROW = {
    "id": "a",
    "logical_date": "2013-06-01",
    "started": 1,
    "state": "running",
    "trigger": "command",
    "token": 1,
}


class Made:
    """One database of one kind; `open` is the next command's."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind, self.url = kind, url
        self.module: ModuleType = databases.made(kind)
        self._opened: list[Database] = []

    def open(self, wait: float = 5) -> Database:
        made = Database(Secret(self.url), wait=wait)
        self._opened.append(made)
        return made

    def execute(self, *statements: str) -> None:
        self.module.execute(self.url, *statements)

    def planted(self) -> tuple[str, list[str]]:
        """The first of the ways to change its schema: what the error says, and the statements."""
        what, statements = next(iter(self.module.CHANGES.items()))
        return what.partition(" is ")[0], statements

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()


@pytest.fixture(params=databases.KINDS)
def empty(request, tmp_path) -> Iterator[Made]:
    with databases.address(request, tmp_path) as url:
        made = Made(request.param, url)
        yield made
        made.close()


@pytest.fixture(params=databases.KINDS)
def own(request, tmp_path) -> Iterator[Made]:
    """With its tables, for a test that changes them."""
    with databases.made(request.param).migrated(request, tmp_path) as url:
        made = Made(request.param, url)
        yield made
        made.close()


@pytest.fixture(scope="module", params=databases.KINDS)
def shared(request, tmp_path_factory) -> Iterator[Made]:
    with databases.made(request.param).migrated(request, tmp_path_factory.mktemp("shared")) as url:
        made = Made(request.param, url)
        yield made
        made.close()


@pytest.fixture
def made(shared: Made) -> Made:
    """With its tables, and no row in them."""
    with shared.open().write() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))
    return shared


@pytest.fixture
def db(made: Made) -> Iterator[Database]:
    yield made.open()
    made.close()


# ---------------------------------------------------------------- what it is


def test_it_is_a_kind_and_says_what_it_is(made, db):
    assert isinstance(db.backend, DATABASES[made.kind])
    assert issubclass(DATABASES[made.kind], Backend)
    assert db.where
    with db.read() as conn:
        assert of(conn) is db.backend
        assert conn.dialect.name == db.backend.dialect


def test_the_committed_description_is_what_the_migrations_make(empty):
    dialect, found = described.made_by_migrations("" if empty.kind == "sqlite" else empty.url)
    assert dialect == DATABASES[empty.kind].dialect
    assert set(found) == set(migrate.REVISIONS)
    committed = exact.committed(dialect).read_text(encoding="utf-8")
    assert exact.page(found) == committed, "write it anew: python -m kronkers_batch.store.described URL"


def test_it_is_made_once_and_after_somebody_was_asked(empty):
    def never() -> None:
        raise KronkersError("not now", where="", fix="")

    with pytest.raises(KronkersError, match="not now"):
        empty.open().migrate(never)
    with pytest.raises(StoreError), empty.open().read():
        pass
    empty.open().backend.make_empty()
    empty.execute("CREATE TABLE customers (a int)")
    with pytest.raises(StoreError, match="another program"):
        empty.open().migrate()
    empty.execute("DROP TABLE customers")
    errors = []

    def make() -> None:
        try:
            empty.open().migrate()
        except Exception as error:
            errors.append(error)

    both = [threading.Thread(target=make) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert errors == []
    (again := empty.open()).migrate(never)
    with again.read() as conn:
        assert conn.execute(select(t.grants)).all() == []


# ---------------------------------------------------------------- transactions


def test_a_write_is_whole_or_nothing_and_a_read_is_of_one_point_in_time(made, db):
    with db.read() as reader:
        assert not transaction.writes(reader)
        assert reader.execute(select(runs.c.id)).all() == []
        with made.open().write() as conn:
            assert transaction.writes(conn)
            conn.execute(insert(runs).values(ROW))
        assert reader.execute(select(runs.c.id)).all() == []
    with contextlib.suppress(RuntimeError), db.write() as conn:
        conn.execute(insert(runs).values(ROW | {"id": "b"}))
        raise RuntimeError
    with db.read() as conn:
        assert conn.execute(select(runs.c.id)).scalars().all() == ["a"]


def test_what_is_serialised_is_waited_for_and_not_for_ever(made, db):
    entered = threading.Event()

    def second() -> None:
        with made.open().write() as conn:
            serialise(conn, "ledger")
            entered.set()

    with db.write() as conn:
        serialise(conn, "ledger")
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
        with pytest.raises(StoreError, match="locked"), made.open(wait=0.2).write() as other:
            serialise(other, "ledger")
    thread.join()
    assert entered.is_set()


def test_a_claim_excludes_others_and_ends(made, db):
    with db.claim("output m/2013-06-01") as held, made.open().claim("output m/2013-06-01") as second:
        assert (held, second) == (True, False)
        with made.open().claim("output m/2013-06-02") as another:
            assert another
    with made.open().claim("output m/2013-06-01") as again:
        assert again


def test_a_run_is_taken_over_only_between_its_transactions(made, db):
    """What the run writes and that it still has the claim are of one point in time: the row is kept."""

    def take() -> None:
        with made.open().write() as conn:
            conn.execute(runs.update().values(token=2))

    with db.write() as conn:
        conn.execute(runs.insert().values(ROW))
    with db.under(CLAIM):
        with db.write() as conn:
            other = threading.Thread(target=take)
            other.start()
            other.join(0.3)
            assert other.is_alive()
            conn.execute(runs.update().values(exit_code=1))
        other.join()
        with pytest.raises(TakenOver), db.write() as conn:
            conn.execute(runs.update().values(exit_code=2))
    with db.read() as conn:
        assert conn.execute(select(runs.c.token, runs.c.exit_code)).all() == [(2, 1)]


def test_a_run_that_is_being_taken_over_waits_and_then_writes_nothing(made, db):
    with db.write() as conn:
        conn.execute(runs.insert().values(ROW))
    found = []

    def write() -> None:
        with db.under(CLAIM):
            try:
                with db.write() as conn:
                    conn.execute(runs.update().values(exit_code=2))
            except TakenOver as error:
                found.append(error)

    with made.open().write() as conn:
        conn.execute(runs.update().values(token=2))
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert len(found) == 1
    with db.read() as conn:
        assert conn.execute(select(runs.c.exit_code)).scalar() is None


# ---------------------------------------------------------------- asking


def test_many_questions_are_asked_by_one_value(db):
    columns = {"word": String, "number": BigInteger, "plain": String}
    rows = [("it's", 2**62, "1"), ('"\\ä€ %(x)s', -1, ""), ("a", 0, "null")]
    with db.read() as conn:
        asked = questions.asked(conn, columns, rows)
        found = conn.execute(select(asked)).all()
        assert sorted(map(tuple, found)) == sorted(rows)
        none = questions.asked(conn, columns, [])
        assert conn.execute(select(none)).all() == []


def test_errors_are_told_apart_and_show_no_values(made, db):
    with pytest.raises(DBAPIError) as caught, db.write() as conn:
        conn.execute(text("INSERT INTO nothere VALUES (:v)"), {"v": "confidential"})
    assert "confidential" not in str(caught.value)
    with pytest.raises(DBAPIError), db.write() as conn:  # a broken constraint is the program's mistake
        conn.execute(insert(runs), [ROW, ROW])


def test_deleted_keys_are_pending_until_they_are_gone(db):
    with db.write() as conn:
        pending.mark_deleted_keys(conn)
    with db.read() as conn:
        assert pending.is_marked(conn, pending.SCRUB) is db.backend.keeps_deleted
    assert db.scrub()
    with db.read() as conn:
        assert not pending.is_marked(conn, pending.SCRUB)
        db.require_whole(conn)
        db.require_whole(conn, [t.grants])


# ---------------------------------------------------------------- the schema


class Undo(Exception):
    """Ends a transaction that is not to be kept."""


def test_each_change_of_the_schema_is_found_and_named(made, db):
    for what, statements in made.module.CHANGES.items():
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


def test_a_changed_schema_is_refused_at_opening_and_while_open(own, monkeypatch):
    monkeypatch.setattr(exact, "_SECONDS", 0.0)
    db = own.open()
    with db.read() as conn:
        conn.execute(select(t.revocations)).all()
    what, statements = own.planted()
    own.execute(*statements)
    for attempt in (own.open().migrate, db.read().__enter__, db.write().__enter__):
        with pytest.raises(IntegrityError, match=what):
            attempt()


def test_the_table_with_the_revision_is_changed(made, db):
    for rows in ((), ("0001", "0000"), ("9999",)):
        put = [f"INSERT INTO alembic_version VALUES ('{row}')" for row in rows]
        made.execute("DELETE FROM alembic_version", *put)
        with pytest.raises(StoreError if rows == ("9999",) else IntegrityError):
            made.open().migrate()
    made.execute(f"UPDATE alembic_version SET version_num = '{migrate.REVISIONS[-1]}'")
    made.open().migrate()


# ---------------------------------------------------------------- who may what, and the record


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    return tmp_path / "keys"


def begun(db, keys):
    first = initialise(db, keys / "me.key", ["sales"])
    return open_vault(db, first.key_file), keys


@pytest.fixture
def office(db, keys):
    return begun(db, keys)


def member(db, office, name: str, role: Role):
    admin, folder = office
    identity = Identity.generate(name)
    keyfile.create(folder / f"{name}.key", identity)
    shown = pin.from_text(pin.to_text(name, identity.id, identity.public))
    with db.write() as conn:
        admin.trust.add_principal(conn, admin.identity, shown[1], shown[0], shown[2])
        grants.grant(admin.ring, conn, name, SALES, role)
    return open_vault(db, folder / f"{name}.key")


def test_granting_revoking_and_rotating(db, office):
    admin, folder = office
    anna = member(db, office, "anna", Role.READER)
    member(db, office, "ben", Role.READER)
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


def test_the_ledger_is_chained_and_its_details_open(db, office):
    admin, _ = office
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


def test_what_was_written_is_read_back(own, keys, monkeypatch):
    """Also where a trigger is planted between the look at the schema and the statement."""
    office = begun(db := own.open(), keys)
    admin, _ = office
    for name in ("anna", "ben"):
        member(db, office, name, Role.READER)
    what, statements = own.planted()
    monkeypatch.setattr(exact, "_SECONDS", 60.0)

    def raced(conn) -> None:
        for statement in statements:
            conn.execute(text(statement))
        rotation.revoke(admin.ring, conn, "anna", SALES)

    with pytest.raises(IntegrityError, match=what), db.write() as conn:
        raced(conn)
    monkeypatch.setattr(exact, "compare", lambda _found, _wanted: "")
    with pytest.raises(IntegrityError, match="the revocation of"), db.write() as conn:
        rotation.revoke(admin.ring, conn, "ben", SALES)
