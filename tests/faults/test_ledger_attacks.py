"""Somebody who can write to the database, against the record of what was done: through the command line.

Single bytes and fields are tried in tests/unit/ledger; here it is what a person would do to hide something.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import conftest as e2e
from tests.e2e.company import Project

project, trained = e2e.project, e2e.trained  # fixtures

NIGHT = "2024-01-20"
NEXT = "2024-01-21"
COLUMNS = "at, principal, action, subject, department, key_id, details, previous, hash, signer, signature"


@contextmanager
def database(project: Project) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(project.folder / "var" / "warehouse.db")
    connection.execute("PRAGMA foreign_keys=OFF")
    with connection:
        yield connection
    connection.close()


def broken(project: Project, *words: str) -> str:
    done = project.run("ledger", "verify", code=4)
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
    return done.stderr


def last(project: Project) -> int:
    with database(project) as db:
        return db.execute("SELECT max(seq) FROM ledger").fetchone()[0]


def test_the_untouched_ledger_verifies(project):
    told = project.json("ledger", "verify")
    assert told == {"entries": last(project), "checkpoints": 1, "ok": True}


@pytest.mark.parametrize(
    ("column", "value"),
    [("principal", "somebody"), ("action", "read"), ("subject", "spends@9"), ("at", 5), ("details", b"x")],
)
def test_an_entry_is_edited(project, column, value):
    with database(project) as db:
        db.execute(f"UPDATE ledger SET {column} = ? WHERE seq = 3", [value])
    broken(project, "entry 3 was changed")


def test_an_entry_is_deleted(project):
    with database(project) as db:
        db.execute("DELETE FROM ledger WHERE seq = 3")
    broken(project, "entry 3 is missing")


def test_an_entry_is_deleted_and_the_rest_moved_up(project):
    with database(project) as db:
        db.execute("DELETE FROM ledger WHERE seq = 3")
        db.execute("UPDATE ledger SET seq = seq - 1 WHERE seq > 3")
    broken(project, "entry 3 does not follow")


def test_two_entries_change_places(project):
    with database(project) as db:
        db.execute("UPDATE ledger SET seq = -1 WHERE seq = 3")
        db.execute("UPDATE ledger SET seq = 3 WHERE seq = 4")
        db.execute("UPDATE ledger SET seq = 4 WHERE seq = -1")
    broken(project, "entry 3 does not follow")


def test_an_entry_is_copied_to_the_end(project):
    with database(project) as db:
        copied = f"SELECT {last(project) + 1}, {COLUMNS} FROM ledger WHERE seq = 3"
        db.execute(f"INSERT INTO ledger (seq, {COLUMNS}) {copied}")
    broken(project, "does not follow")


def test_the_end_is_cut_off(project):
    end = last(project)
    with database(project) as db:
        db.execute("DELETE FROM ledger WHERE seq > ?", [end - 2])
    broken(project, f"lacks entry {end}", "older database")
    # Nor does a night go on upon it.
    assert "lacks entry" in project.run("run", "--date", NEXT, code=4).stderr


def test_everything_is_deleted(project):
    with database(project) as db:
        db.execute("DELETE FROM ledger")
    broken(project, "lacks entry")


def test_an_older_database_is_put_back(project):
    kept = project.folder / "kept"
    shutil.copytree(project.folder / "var", kept)
    project.run("run", "--date", NEXT)
    assert project.json("ledger", "verify")["checkpoints"] == 2
    for path in (project.folder / "var").glob("warehouse.db*"):
        path.unlink()
    for path in kept.glob("warehouse.db*"):
        shutil.copy(path, project.folder / "var")
    broken(project, "lacks entry", "Restore the newest backup")
    project.run("run", "--date", "2024-01-22", code=4)
    # Reads of what is there are still possible, and they do not heal it.
    project.run("read", "buys", "--date", NIGHT)
    for _ in range(40):
        project.run("read", "buys", "--date", NIGHT)
        if last(project) > 40:
            break
    broken(project, "older database")


def test_a_checkpoint_is_changed(project):
    (point,) = (project.folder / "var" / "checkpoints").rglob("*.json")
    point.write_bytes(point.read_bytes().replace(b'"seq": ', b'"seq": 0', 1))
    broken(project, "checkpoint")


def test_the_head_of_a_date_is_pointed_by_hand(project):
    source = project.folder / "data/visits.csv"
    source.write_text(source.read_text().replace(",red,", ",green,"))
    project.run("run", "buys")
    newer = project.rows("read", "buys", "--date", NIGHT)
    assert newer
    with database(project) as db:
        old, new = (
            db.execute(
                "SELECT id FROM output_versions WHERE model = 'buys' AND logical_date = ? AND number = ?",
                [NIGHT, number],
            ).fetchone()[0]
            for number in (1, 2)
        )
        db.execute("UPDATE output_log SET head = ? WHERE head = ?", [old, new])
    for words in (["read", "buys", "--date", NIGHT], ["outputs", "buys"], ["sql", "select * from buys"]):
        assert project.run(*words, code=4).stdout == ""


def test_the_champion_is_chosen_by_hand(project):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("run", "buys")
    with database(project) as db:
        first, second = (
            db.execute("SELECT id FROM model_versions WHERE model = 'buys' AND number = ?", [n]).fetchone()[0]
            for n in (1, 2)
        )
        db.execute("UPDATE champions SET version_id = ? WHERE version_id = ?", [first, second])
    for words in (["live", "buys"], ["models"], ["promote", "buys@2", "--why", "x"]):
        assert project.run(*words, code=4).stdout == ""
