"""How a schema is compared, and how often."""

from sqlalchemy import select

from kronkers_batch.config.secret import Secret
from kronkers_batch.store import exact, written
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables import vault as t


def test_a_difference_names_what_somebody_made_before_what_sqlite_made_of_it():
    assert exact.compare({"table a": "1"}, {"table a": "1"}) == ""
    assert exact.compare({"table a": "2"}, {"table a": "1"}) == "table a is another one"
    assert exact.compare({}, {"index sqlite_autoindex_a_1": "", "table a": "1"}) == "table a is missing"
    assert exact.compare({"index sqlite_autoindex_b_1": "", "view c": ""}, {}) == "there is also view c"


def looked(tmp_path, monkeypatch, *, seconds: float) -> tuple[int, int, int]:
    """How often the whole schema is looked at in three reads; in three writes; by connections that work."""
    db = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    db.migrate()
    looks: list[int] = []
    at_work: set[int] = set()
    objects = exact.objects

    def which(connection) -> int:
        return id(connection.connection.dbapi_connection)

    def counted(connection):
        looks.append(which(connection))
        return objects(connection)

    def write(name: str) -> None:
        row = {"id": name, "name": name, "kind": "person", "created": 1}
        with db.write() as conn:
            at_work.add(which(conn))
            written.insert(conn, t.principals, row, "a person")

    write("a")  # now all connections are there
    monkeypatch.setattr(exact, "_SECONDS", seconds)
    monkeypatch.setattr(exact, "objects", counted)
    for _ in range(3):
        with db.read() as conn:
            at_work.add(which(conn))
            conn.execute(select(t.principals)).all()
    reads = len(looks)
    for name in "bcd":
        write(name)
    db.close()
    return reads, len(looks) - reads, sum(one in at_work for one in looks)


def test_each_read_back_looks_at_the_file_and_no_connection_that_works_does(tmp_path, monkeypatch):
    assert looked(tmp_path, monkeypatch, seconds=60) == (0, 3, 0)


def test_what_a_connection_has_in_memory_counts_for_a_second(tmp_path, monkeypatch):
    assert looked(tmp_path, monkeypatch, seconds=0) == (3, 6, 6)
