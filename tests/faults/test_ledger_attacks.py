"""Somebody who can write to the database, against the record of what was done: through the command line.

Single bytes and fields are tried in tests/unit/ledger; here it is what a person would do to hide something.
"""

import dataclasses
import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest
from sqlalchemy import insert, select, update

from kronkers_batch.bootstrap import open_system
from kronkers_batch.registry import records
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import outputs, registry, snapshots
from kronkers_batch.vault import manifest
from kronkers_batch.vault.context import Kind, Signature
from kronkers_batch.warehouse import output_chunks
from kronkers_batch.warehouse.output_chunks import Place
from tests.e2e.company import Project

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
    with database(project) as db:
        made = [
            db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
            for t in ("model_versions", "output_versions")
        ]
    assert min(made) > 1
    assert told == {"entries": last(project), "checkpoints": 1, "versions": sum(made), "ok": True}


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
    broken(project, f"lacks entry {end}", "an older one")
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
    broken(project, "an older one")


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


@pytest.fixture
def insider(project, monkeypatch):
    """The parts in the hands of somebody who may run, and knows how they work."""
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    services = open_system(project.folder / "conf")
    yield services
    services.close()


def exchanged(services, conn, kind, row, name, chunks) -> dict[str, object]:
    """A manifest of the same version with other chunks, sealed and signed by the insider."""
    key = services.vault.data_key(conn, row.record_key_id)
    signature = Signature(row.signer, row.signer_key, row.signature)
    where = (kind, row.department, name, row.id)
    given = manifest.open_manifest(services.vault, conn, key, *where, row.manifest, signature)
    mine = dataclasses.replace(given, chunks=(*chunks, *given.chunks[len(chunks) :]))
    sealed, signed = manifest.seal_manifest(services.vault, key, mine)
    return {"manifest": sealed, "signature": signed.value}


def test_an_older_output_is_exchanged_by_who_may_make_new_ones(project, insider):
    """Everything about it is signed by somebody with the right to; the ledger remembers another one."""
    versions, rows = outputs.output_versions, outputs.output_pieces
    with insider.db.read() as conn:
        query = select(versions).where(versions.c.model == "buys", versions.c.logical_date == NIGHT)
        row = conn.execute(query).one()
        place, key = Place("sales", "buys", NIGHT, row.id), insider.vault.data_key(conn, row.key_id)
    schema = insider.warehouse.get(f"buys/{NIGHT}#1").schema
    frame = pl.concat(insider.warehouse.rows.read("buys", dt.date.fromisoformat(NIGHT)))
    forged = frame.with_columns(score=pl.lit(0.5))
    blob = insider.vault.seal(key, place.chunk(0, 40, schema.digest()), output_chunks.encode(forged))
    entry = manifest.ChunkEntry(0, 40, manifest.digest(blob), schema.digest())
    with insider.db.write() as conn:
        changed = exchanged(insider, conn, Kind.OUTPUT, row, "buys", (entry,))
        conn.execute(update(versions).where(versions.c.id == row.id).values(**changed))
        conn.execute(update(rows).where(rows.c.version_id == row.id).values(data=blob))
    assert {r["score"] for r in project.rows("read", "buys", "--date", NIGHT)} == {0.5}
    broken(project, f"buys/{NIGHT}#1", "differs from the one that entry")


def test_an_older_model_version_is_exchanged_by_who_may_make_new_ones(project, insider):
    versions = registry.model_versions
    with insider.db.read() as conn:
        row = conn.execute(select(versions).where(versions.c.model == "buys")).one()
        key = insider.vault.data_key(conn, row.key_id)
    version = insider.registry.get("buys", 1)
    blob = insider.vault.seal(key, records.artifact_context(version.training, row.id), b"another model")
    insider.artifacts.write(records.artifact_path("sales", "buys", row.id), blob)
    entry = manifest.ChunkEntry(0, 0, manifest.digest(blob))
    with insider.db.write() as conn:
        changed = exchanged(insider, conn, Kind.ARTIFACT, row, "buys", (entry,))
        conn.execute(update(versions).where(versions.c.id == row.id).values(**changed))
    assert insider.registry.artifact(insider.registry.get("buys", 1)) == b"another model"
    broken(project, "buys@1", "differs from the one that entry")


@pytest.mark.parametrize("how", ["exchanged", "put in"])
def test_a_snapshot_is_exchanged_or_put_in_by_who_may_freeze(project, insider, how):
    """Of fewer rows: a later training would be of those that are left."""
    table = snapshots.snapshots
    with insider.db.write() as conn:
        row = conn.execute(select(table).where(table.c.source == "visits").limit(1)).one()
        key = insider.vault.data_key(conn, row.key_id)
        signature = Signature(row.signer, row.signer_key, row.signature)
        where = (Kind.SNAPSHOT, row.department, "visits", row.id)
        given = manifest.open_manifest(insider.vault, conn, key, *where, row.manifest, signature)
        new = row.id if how == "exchanged" else new_id()
        mine = dataclasses.replace(given, chunks=(), version_id=new)
        if how == "put in":
            key = insider.vault.new_data_key(conn, key.scope, Kind.SNAPSHOT, new)
        sealed, signed = manifest.seal_manifest(insider.vault, key, mine)
        changed = {"id": new, "manifest": sealed, "signature": signed.value, "key_id": key.id}
        if how == "exchanged":
            conn.execute(update(table).where(table.c.id == row.id).values(**changed))
        else:
            conn.execute(insert(table).values(**{**row._mapping, **changed, "lookup": "another"}))
    broken(project, f"snapshot {new} of visits", "or the ledger recorded none")


def test_an_output_is_put_in_without_a_line(project, insider):
    output = insider.warehouse.get(f"buys/{NIGHT}#1")
    writer = insider.warehouse.begin("buys", "sales", output.date, "f" * 64, output.schema, output.key)
    writer._add_entry = lambda *_: None
    writer.put(0, pl.concat(insider.warehouse.rows.read("buys", output.date)))
    writer.finish({}, {})
    broken(project, f"buys/{NIGHT}#2", "no entry of the ledger")


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


# ---------------------------------------------------------------- what is beside the ledger


@pytest.fixture
def twice(project: Project) -> Project:
    """Two champions of buys, one after the other, and two outputs of the same night."""
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    source = project.folder / "data/visits.csv"
    source.write_text(source.read_text().replace(",red,", ",green,"))
    project.run("run", "buys")
    assert project.json("ledger", "verify")["ok"]
    return project


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("DELETE FROM output_log WHERE model = 'buys' AND sequence = 2", f"buys/{NIGHT}"),
        ("DELETE FROM champions WHERE model = 'buys' AND sequence = 2", "buys"),
    ],
    ids=["head", "champion"],
)
def test_the_end_of_a_log_is_cut_off(twice, statement, where):
    """What is left of it is signed, and was once true: the older scores, or model, are in use again."""
    before = twice.rows("read", "buys", "--date", NIGHT), twice.json("models")
    with database(twice) as db:
        assert db.execute(statement).rowcount == 1
    assert (twice.rows("read", "buys", "--date", NIGHT), twice.json("models")) != before
    broken(twice, f"{where}: the database names other versions as in use")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM model_versions WHERE model = 'buys' AND number = 1",
        "UPDATE output_versions SET state = 'deleted' WHERE model = 'buys' AND number = 1",
    ],
)
def test_a_version_disappears(twice, statement):
    with database(twice) as db:
        db.execute(statement)
    broken(twice, "buys", "the ledger recorded this version, and the database lacks it")


def test_the_keys_of_what_the_ledger_says_are_shredded(project):
    """Nothing could be compared any more, and that is not the same as nothing to find."""
    with database(project) as db:
        db.execute("UPDATE data_keys SET wrapped = NULL WHERE kind = 'record' AND version_id LIKE 'ledger %'")
    broken(project, "you cannot open the entry of the ledger that records this version")


def test_the_line_about_an_exchanged_version_is_written_beforehand(project, insider):
    """The first line counted: with one written ahead, the exchanged version was the recorded one."""
    with insider.db.write() as conn:
        told = {"manifest": "0" * 64}
        line = ("record", "buys@2", told)
        insider.ledger.append(conn, insider.vault.principal, *line, department="sales/buys")
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    assert "record two different versions" in project.run("run", "buys", code=4).stderr
    with database(project) as db:
        query = "SELECT max(seq) FROM ledger WHERE subject = 'buys@2' AND action = 'record'"
        number = db.execute(query).fetchone()[0]
    broken(project, "buys@2", "record two different versions", f"and {number} of the ledger")


@pytest.mark.parametrize("scope", ["sales", None])
def test_a_revocation_is_taken_out(project, tmp_path, scope):
    with_key = Project(project.folder)
    with_key.home = tmp_path
    line = with_key.run("access", "whoami", "--new", "--name", "mallory").stdout.split("\n")
    line = next(word for word in line if "kronkers-batch public" in word).strip()
    project.run("access", "add", line[line.index("kronkers-batch") :])
    project.run("access", "grant", "mallory", "reader", "sales")
    project.run("access", "revoke", "mallory", *([scope] if scope else []))
    project.run("access", "grant", "mallory", "viewer", "sales") if scope else None
    assert project.json("ledger", "verify")["ok"]
    with database(project) as db:
        what = "grants" if scope else "principal_keys"
        assert db.execute(f"DELETE FROM revocations WHERE subject IN (SELECT id FROM {what})").rowcount == 1
    broken(project, "mallory", "recorded a revocation, and the database lacks it")
