"""Somebody with an account on the database changes what it is: each way is refused, and says which object."""

import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import insert, select, text

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import IntegrityError, StoreError
from kronkers_batch.store import exact
from kronkers_batch.store.databases import sqlite
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables import vault as t

ROW = {"subject": "s", "at": 1, "issuer": "i", "signature": b"x"}


@contextmanager
def account(path, *, schema: bool = False) -> Iterator[sqlite3.Connection]:
    """What somebody does with another program. ``schema``: by hand, in the table that holds the schema."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if schema:
            db.execute("PRAGMA writable_schema=ON")
        yield db
        if schema:
            number = db.execute("PRAGMA schema_version").fetchone()[0]
            db.execute(f"PRAGMA schema_version={number + 1}")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    made = Database(Secret(f"sqlite:///{tmp_path_factory.mktemp('fresh')}/x.db"))
    made.migrate()
    made.close()
    return made.path


@pytest.fixture
def db(tmp_path, fresh) -> Iterator[Database]:
    shutil.copy(fresh, tmp_path)
    made = Database(Secret(f"sqlite:///{tmp_path}/x.db"), wait=1)
    yield made
    made.close()


def again(db: Database) -> Database:
    """The next command."""
    return Database(Secret(f"sqlite:///{db.path}"), wait=1)


COLUMNS = (
    "subject VARCHAR(32) NOT NULL, at BIGINT NOT NULL, issuer VARCHAR(32) NOT NULL, signature BLOB NOT NULL"
)
CHANGES = {
    "trigger t": ["CREATE TRIGGER t AFTER INSERT ON revocations BEGIN DELETE FROM revocations; END"],
    "view v": ["CREATE VIEW v AS SELECT 1"],
    "table extra": ["CREATE TABLE extra (a)"],
    "table revocations is missing": [
        "ALTER TABLE revocations RENAME TO runs0",
        "CREATE VIEW revocations AS SELECT * FROM runs0 WHERE 0",
    ],
    "table x": ["CREATE VIRTUAL TABLE x USING fts5(a)"],
    "table sqlite_sequence": ["CREATE TABLE c (a INTEGER PRIMARY KEY AUTOINCREMENT)", "DROP TABLE c"],
    "table sqlite_stat1": ["ANALYZE"],
    "index i": ["CREATE INDEX i ON revocations (at)"],
    "index ix_grants_principal_id is missing": ["DROP INDEX ix_grants_principal_id"],
    "index ix_grants_principal_id is another": [
        "DROP INDEX ix_grants_principal_id",
        "CREATE INDEX ix_grants_principal_id ON grants (principal_id) WHERE role = 'viewer'",
    ],
    "ix_data_keys_parent_id is another": [
        "DROP INDEX ix_data_keys_parent_id",
        "CREATE UNIQUE INDEX ix_data_keys_parent_id ON data_keys (parent_id)",
    ],
    "table grants is another": ["ALTER TABLE grants ADD COLUMN extra AS (role) VIRTUAL"],
    "table runs is another": ["ALTER TABLE runs ADD COLUMN extra INTEGER"],
    "table principals is another": ["ALTER TABLE principals RENAME COLUMN kind TO sort"],
    "table revocations is": [
        "DROP TABLE revocations",
        f"CREATE TABLE revocations ({COLUMNS})",
    ],
    "table revocations is another": [
        "DROP TABLE revocations",
        f"CREATE TABLE revocations ({COLUMNS}, CONSTRAINT p PRIMARY KEY (subject)) WITHOUT ROWID",
    ],
}
BY_HAND = {
    "table principals": ("name VARCHAR(128) NOT NULL", "name VARCHAR(128) COLLATE NOCASE NOT NULL"),
    "table ledger": ("at BIGINT NOT NULL", "at TEXT NOT NULL"),
    "table champions": ("at BIGINT NOT NULL", "at BIGINT NOT NULL DEFAULT 0"),
    "table output_log": ("head VARCHAR(26) NOT NULL", "head VARCHAR(26)"),
    "table definitions": ("number INTEGER NOT NULL", "number INTEGER NOT NULL CHECK (number < 9)"),
    "table grant_keys": ("FOREIGN KEY(key_id) REFERENCES tree_keys", "FOREIGN KEY(key_id) REFERENCES runs"),
    # Letters to SQLite, spaces to Python: another column.
    "table warehouse": ("created BIGINT", "created\xa0BIGINT"),
}


def change(path, what: str) -> None:
    if what in CHANGES:
        with account(path) as attacker:
            for statement in CHANGES[what]:
                attacker.execute(statement)
        return
    (old, new), name = BY_HAND[what], what.removeprefix("table ")
    with account(path, schema=True) as attacker:
        done = attacker.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ? AND instr(sql, ?)",
            [old, new, name, old],
        )
        assert done.rowcount == 1


@pytest.mark.parametrize("what", [*CHANGES, *BY_HAND])
def test_a_changed_schema_is_refused_at_opening_and_while_open(db, what):
    with db.read() as conn:  # a connection that knows the schema as it was
        conn.execute(select(t.revocations)).all()
    change(db.path, what)
    for attempt in (again(db).migrate, db.read().__enter__, db.write().__enter__):
        with pytest.raises(IntegrityError, match="schema of the database") as caught:
            attempt()
        assert what.partition(" is ")[0] in caught.value.what, caught.value.what
        assert caught.value.fix


def test_a_schema_whose_number_of_changes_was_set_back_is_refused_all_the_same(db):
    """SQLite tells connections by a number that the schema changed; anybody can set it."""
    with db.read() as conn:
        number = conn.execute(text("PRAGMA schema_version")).scalar_one()
    with account(db.path) as attacker:
        attacker.execute(CHANGES["trigger t"][0])
        attacker.execute(f"PRAGMA schema_version={number}")
    # The old connection has the schema without the trigger, and goes by that.
    with db.write() as conn:
        conn.execute(insert(t.revocations).values(**ROW))
    with pytest.raises(IntegrityError, match="trigger t"), again(db).read():
        pass


def test_a_connection_that_has_a_trigger_in_memory_that_is_gone_from_the_file_is_not_used(db, monkeypatch):
    """Planted while a connection opens, taken out before it looks: it would act at the next write."""
    prepare = sqlite.prepare

    def raced(wait, connection):
        with account(db.path) as attacker:
            number = attacker.execute("PRAGMA schema_version").fetchone()[0]
            attacker.execute(CHANGES["trigger t"][0])
            attacker.execute(f"PRAGMA schema_version={number}")
            prepare(wait, connection)
            connection.execute("SELECT * FROM revocations").fetchall()
            attacker.execute("DROP TRIGGER t")
            attacker.execute(f"PRAGMA schema_version={number}")

    monkeypatch.setattr(sqlite, "prepare", raced)
    with (opened := again(db)).write() as conn:
        conn.execute(insert(t.revocations).values(**ROW))
    with opened.read() as conn:
        assert len(conn.execute(select(t.revocations)).all()) == 1


def test_a_name_that_is_no_word_goes_to_no_terminal_as_it_is(db):
    with account(db.path) as attacker:
        attacker.execute('CREATE VIEW "\x1b]0;pwned\x07" AS SELECT 1')
    with pytest.raises(IntegrityError) as caught:
        again(db).migrate()
    assert "\x1b" not in str(caught.value)
    assert r"\x1b]0;pwned" in str(caught.value)


@pytest.mark.parametrize("what", ["index", "table"])
def test_an_index_that_has_the_place_of_another_is_refused(db, what):
    with account(db.path, schema=True) as attacker:
        place = "(SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_grants_1')"
        name = {"index": "sqlite_autoindex_revocations_1", "table": "revocations"}[what]
        attacker.execute(f"UPDATE sqlite_master SET rootpage = {place} WHERE name = '{name}'")
    with pytest.raises(IntegrityError):
        again(db).migrate()


@pytest.mark.parametrize("rows", [(), ("today's", "9999"), (b"0001",), ("9999",)])
def test_the_table_with_the_revision_is_changed(db, rows):
    with account(db.path) as attacker:
        ((today,),) = attacker.execute("SELECT version_num FROM alembic_version").fetchall()
        attacker.execute("DELETE FROM alembic_version")
        planted = [[today if row == "today's" else row] for row in rows]
        attacker.executemany("INSERT INTO alembic_version VALUES (?)", planted)
    wanted = StoreError if rows == ("9999",) else IntegrityError
    with pytest.raises(wanted) as caught:
        again(db).migrate()
    assert caught.value.fix


def test_an_empty_database_with_something_planted_is_not_filled(tmp_path):
    with account(tmp_path / "x.db") as attacker:
        attacker.execute("CREATE VIEW v AS SELECT 1")
    with pytest.raises(StoreError, match="another program"):
        Database(Secret(f"sqlite:///{tmp_path}/x.db")).migrate()


def test_a_database_without_its_tables_is_not_used(tmp_path):
    with account(tmp_path / "x.db") as other:
        other.execute("PRAGMA user_version=1")
    with pytest.raises(StoreError, match="tables yet"), Database(Secret(f"sqlite:///{tmp_path}/x.db")).read():
        pass


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("how", ["link", "second name", "pipe"])
def test_what_lies_where_sqlite_writes_beside_the_database_is_not_overwritten(db, tmp_path, suffix, how):
    db.close()
    kept = tmp_path / "of somebody else"
    kept.write_bytes(b"precious" * 1000)
    beside = tmp_path / f"x.db{suffix}"
    made = {"link": beside.symlink_to, "second name": beside.hardlink_to, "pipe": lambda _: os.mkfifo(beside)}
    made[how](kept)
    with pytest.raises(IntegrityError, match="a link or a folder"):
        again(db).migrate()
    assert kept.read_bytes() == b"precious" * 1000


def test_a_journal_that_names_a_file_does_not_have_it_deleted(db, tmp_path):
    """SQLite undoes what is in a journal it finds, and deletes the file that the journal names at its end."""
    db.close()
    kept = tmp_path / "of somebody else"
    kept.write_bytes(b"precious" * 1000)
    name, magic = bytes(kept), bytes.fromhex("d9d505f920a163d7")
    pages = (tmp_path / "x.db").stat().st_size // 4096
    head = (magic + struct.pack(">5I", 0, 0, pages, 512, 4096)).ljust(512, b"\0")
    tail = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic
    (tmp_path / "x.db-journal").write_bytes(head + tail)
    with pytest.raises(IntegrityError, match="names another file, which SQLite would delete"):
        again(db).migrate()
    assert kept.exists()
    with closing(sqlite3.connect(tmp_path / "x.db")) as other:  # which knows nothing of it
        other.execute("SELECT * FROM warehouse").fetchall()
    assert not kept.exists(), "the journal in this test is none"


# ---------------------------------------------------------------- what must go on working


def test_what_database_administrators_do_is_no_change(db, tmp_path):
    with db.write() as conn:
        conn.execute(insert(t.revocations).values(**ROW))
    with account(db.path) as other:
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "REINDEX", "PRAGMA optimize"):
            other.execute(statement)
        other.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
        with closing(sqlite3.connect(tmp_path / "restored.db")) as restored:
            restored.executescript("\n".join(other.iterdump()))
    for path in ("x.db", "copy.db", "restored.db"):
        opened = Database(Secret(f"sqlite:///{tmp_path}/{path}"))
        opened.migrate()
        with opened.read() as conn:
            assert len(conn.execute(select(t.revocations)).all()) == 1
        opened.close()
    with db.read() as conn:
        assert len(conn.execute(select(t.revocations)).all()) == 1


def test_spaces_are_as_whoever_made_the_table_likes_them(db):
    """Another version of Alembic may break its lines elsewhere."""
    with account(db.path, schema=True) as other:
        other.execute("UPDATE sqlite_master SET sql = replace(sql, char(10), ' ' || char(13) || char(10))")
    again(db).migrate()


def test_the_schema_is_compared_once_a_connection_and_then_by_its_number(db, monkeypatch):
    with db.read():
        pass
    asked = []
    objects = exact.objects
    monkeypatch.setattr(exact, "objects", lambda conn: asked.append(1) or objects(conn))
    for _ in range(5):
        with db.read() as conn:
            conn.execute(select(t.grants)).all()
    assert asked == []
    with account(db.path) as other:
        other.execute("VACUUM")  # counts as a change
    for _ in range(5):
        with db.read() as conn:
            conn.execute(select(t.grants)).all()
    assert len(asked) == 1
