"""What a read transaction is asked once, and a write transaction each time."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert, select

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import IntegrityError
from kronkers_batch.store import seen
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables import vault as t

QUERY = select(t.principals).order_by(t.principals.c.id)


def person(name: str) -> dict[str, object]:
    return {"id": name, "name": f"{name}'s", "kind": "person", "created": 1}


@contextmanager
def counted(conn):
    statements = []
    event.listen(conn, "before_cursor_execute", lambda _c, _cur, statement, *_: statements.append(statement))
    yield statements


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    made.migrate()
    with made.write() as conn:
        conn.execute(insert(t.principals), [person("anna"), person("bob")])
    yield made
    made.close()


def test_a_read_transaction_asks_once_and_a_later_one_anew(db):
    with db.read() as conn, counted(conn) as statements:
        assert [row.id for row in seen.rows(conn, QUERY)] == ["anna", "bob"]
        assert [row.name for row in seen.rows(conn, QUERY, id="bob")] == ["bob's"]
        assert seen.rows(conn, QUERY, id="bob", kind="service") == []
        assert seen.scanned(conn, QUERY, name="anna's")[0].id == "anna"
        assert len(statements) == 1
        seen.fetch(conn, t.principals, ["anna", "nobody"])
        assert seen.row(conn, t.principals, "anna").name == "anna's"
        assert seen.row(conn, t.principals, "nobody") is None
        assert len(statements) == 2
    with db.write() as conn:
        conn.execute(insert(t.principals), person("carl"))
    with db.read() as conn:
        assert [row.id for row in seen.rows(conn, QUERY)] == ["anna", "bob", "carl"]


def test_some_of_many_are_asked_for_once(db, monkeypatch):
    names = ("id", "kind")
    wanted = [("anna", "person"), ("bob", "service"), ("bob", "person")]
    for most, asked in ((10_000, 1), (1, 3)):
        monkeypatch.setattr(seen, "AT_ONCE", most)
        with db.read() as conn, counted(conn) as statements:
            assert seen.loaded(conn, QUERY, id="anna", kind="person") is None
            assert [row.id for row in seen.load_for(conn, QUERY, names, wanted)] == ["anna", "bob"]
            assert seen.load_for(conn, QUERY, names, wanted) == []
            assert [row.name for row in seen.loaded(conn, QUERY, id="anna", kind="person")] == ["anna's"]
            assert seen.loaded(conn, QUERY, id="bob", kind="service") == []
            assert seen.loaded(conn, QUERY, id="carl", kind="person") is None
            assert seen.loaded(conn, QUERY, id="anna") is None
            assert len(statements) == asked


def test_a_write_transaction_remembers_nothing(db):
    with db.write() as conn:
        assert seen.load_for(conn, QUERY, ("id",), [("anna",)]) == []
        assert seen.loaded(conn, QUERY, id="anna") is None
        seen.fetch(conn, t.principals, ["carl"])
        seen.load(conn, QUERY)
        assert seen.rows(conn, QUERY, id="carl") == []
        assert seen.row(conn, t.principals, "carl") is seen.loaded(conn, QUERY) is None
        conn.execute(insert(t.principals), person("carl"))
        assert [row.id for row in seen.rows(conn, QUERY, id="carl")] == ["carl"]
        assert seen.row(conn, t.principals, "carl").name == "carl's"


@pytest.mark.parametrize("value", ["x'ff'", "CAST(x'ff' AS TEXT)"], ids=["bytes", "not UTF-8"])
def test_a_damaged_row_spoils_what_meets_it_alone(db, value):
    with db.write() as conn:
        conn.exec_driver_sql(f"UPDATE principals SET name = {value} WHERE id = 'bob'")
    with db.read() as conn:
        assert seen.rows(conn, QUERY, id="anna")[0].name == "anna's"
        seen.fetch(conn, t.principals, ["anna", "bob"])
        assert seen.row(conn, t.principals, "anna").name == "anna's"
    for ask in (lambda c: seen.rows(c, QUERY, id="bob"), lambda c: seen.row(c, t.principals, "bob")):
        with pytest.raises(IntegrityError), db.read() as conn:
            ask(conn)
    with db.read() as conn:
        ids = ["anna", "bob"]
        found = seen.for_each(conn, ids, lambda some: {id: _names(conn, some).get(id) for id in some})
    assert found["anna"] == "anna's"
    assert isinstance(found["bob"], IntegrityError)


def _names(conn, ids):
    query = select(t.principals.c.id, t.principals.c.name).where(t.principals.c.id.in_(ids))
    return {row.id: row.name for row in conn.execute(query).all()}


def test_an_error_that_is_no_damage_is_nobodys_answer(db):
    with pytest.raises(ArithmeticError), db.read() as conn:
        seen.for_each(conn, [1, 2], lambda _some: 1 / 0)


def test_what_has_one_of_several_values_is_asked_by_one_statement(db):
    with db.write() as conn, counted(conn) as statements:
        found = seen.among(conn, QUERY, "id", ("bob", "nobody", "anna"), kind="person")
        assert [row.id for row in found] == ["anna", "bob"]
        assert seen.among(conn, QUERY, "id", ("bob", "anna"), kind="service") == []
        assert len(statements) == 2
    with db.read() as conn, counted(conn) as statements:
        found = seen.among(conn, QUERY, "id", ("bob", "nobody", "bob"), kind="person")
        assert [row.id for row in found] == ["bob"]
        assert [row.id for row in seen.rows(conn, QUERY, id="anna")] == ["anna"]
        assert len(statements) == 1
