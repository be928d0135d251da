"""The migrated database is the declared one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select, text

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError
from kronkers_batch.store import exact, migrate
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables import metadata
from kronkers_batch.store.tables.runs import events

_PARTS = re.compile(r",(?![^()]*\))|\n")  # commas between columns and constraints, and line ends


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    made.migrate()
    return made


def differences(db, declared):
    with db.unchecked(write=False) as conn:
        return compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), declared)


def test_migrated_tables_are_the_declared_ones(db):
    assert differences(db, metadata) == []


def test_constraints_are_the_declared_ones_too(db, tmp_path):
    # compare_metadata does not look at check constraints, foreign keys' actions, or primary keys.
    other = Database(Secret(f"sqlite:///{tmp_path}/declared.db"))
    other.backend.make_empty()
    with other.unchecked(write=True) as conn:
        metadata.create_all(conn)

    def words(database):
        with database.unchecked(write=False) as conn:
            rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
            return {
                # A column that a migration adds stands in the line of the one before it.
                name: sorted(
                    filter(str.strip, (re.sub(r"[\s\"]+", " ", part).strip() for part in _PARTS.split(sql)))
                )
                for name, sql in rows
                if name != "alembic_version"
            }

    assert words(db) == words(other)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE runs ADD COLUMN extra INTEGER",
        "ALTER TABLE runs DROP COLUMN exit_code",
        "DROP TABLE ledger",
        "CREATE TABLE extra (a INTEGER)",
        "DROP INDEX ix_grants_principal_id",
    ],
)
def test_a_difference_is_found(db, change):
    with db.unchecked(write=True) as conn:
        conn.execute(text(change))
    assert differences(db, metadata) != []


def test_the_list_of_revisions_is_the_folder():
    scripts = ScriptDirectory(str(migrate._SCRIPTS))
    found = [s.revision for s in scripts.walk_revisions()]
    assert tuple(reversed(found)) == migrate.REVISIONS


def test_a_migration_spells_out_its_tables():
    # One that reads the metadata would make another database every time the metadata changes.
    for file in Path(migrate._SCRIPTS, "versions").glob("*.py"):
        assert "metadata" not in file.read_text()


def test_the_second_time_nothing_happens(db):
    with db.read() as conn:
        before = inspect(conn).get_table_names()
    db.migrate()
    with db.read() as conn:
        assert inspect(conn).get_table_names() == before
    assert set(before) == {*metadata.tables, "alembic_version"}


@pytest.mark.interpreter
def test_a_current_database_does_not_import_alembic(db):
    code = (
        "import sys\nfrom kronkers_batch.config.spec import Secret\n"
        "from kronkers_batch.store.engine import Database\n"
        f"Database(Secret('sqlite:///{db.path}')).migrate()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    root = Path(migrate.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_a_newer_database_is_left_alone(db):
    with db.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version") as caught:
        db.migrate()
    assert "Upgrade" in caught.value.fix


def test_another_programs_database_is_left_alone(tmp_path):
    db = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    db.backend.make_empty()
    with db.unchecked(write=True) as conn:
        conn.execute(text("CREATE TABLE customers (id INTEGER)"))
    with pytest.raises(StoreError, match="another program"):
        db.migrate()


@pytest.mark.interpreter
def test_two_processes_may_make_it_at_once(tmp_path):
    code = (
        "from kronkers_batch.config.spec import Secret\n"
        "from kronkers_batch.store.engine import Database\n"
        f"Database(Secret('sqlite:///{tmp_path}/x.db')).migrate()\n"
    )
    root = Path(migrate.__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [p.wait() for p in both] == [0, 0]
    assert differences(Database(Secret(f"sqlite:///{tmp_path}/x.db")), metadata) == []


def test_metadata_is_one():
    assert isinstance(metadata, MetaData)
    assert {"principals", "tree_keys", "data_keys", "grants", "ledger", "runs"} <= set(metadata.tables)


def test_an_older_database_keeps_its_events_in_the_order_of_their_runs(tmp_path):
    db = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    db.backend.make_empty()
    with db.unchecked(write=True) as conn:
        migrate.upgrade(conn, "0001")
        assert "found" not in [column["name"] for column in inspect(conn).get_columns("run_events")]
        for run, started in (("later", 2), ("first", 1)):
            conn.execute(
                text(
                    "INSERT INTO runs (id, logical_date, started, state, trigger) "
                    f"VALUES ('{run}', '2013-06-0{started}', {started}, 's', 't')"
                )
            )
            for seq, task, state in ((1, "asked", "asked"), (2, "score", "held"), (3, "scores", "held")):
                values = f"'{run}', {seq}, 9, 'buys', 'sales', '{task}', '{state}', x'01', x'02'"
                names = "run_id, seq, at, model, department, task, state, message, reason"
                conn.execute(text(f"INSERT INTO run_events ({names}) VALUES ({values})"))
    db.migrate()
    with db.read() as conn:
        assert migrate.revision(conn, db.where, exact.objects(conn)) == migrate.REVISIONS[-1]
        rows = conn.execute(select(events).order_by(events.c.position)).all()
    assert [(row.position, row.run_id, row.seq) for row in rows] == [
        *((seq, "first", seq) for seq in (1, 2, 3)),
        *((seq + 3, "later", seq) for seq in (1, 2, 3)),
    ]
    assert [row.kind for row in rows[:3]] == ["asked", "held", "concluded"]
    assert {(row.message, row.reason, row.found) for row in rows} == {(b"\x01", b"\x02", None)}
    assert [row.logical_date for row in rows[::3]] == ["2013-06-01", "2013-06-02"]
    assert differences(db, metadata) == []
