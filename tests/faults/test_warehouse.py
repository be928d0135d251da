"""Outputs when a writer dies, when two write at once, and when someone writes to the database by hand."""

import dataclasses
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import update

from kronkers_batch.access.setup import make_ledger
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import IntegrityError, KronkersError, NotFound, Stale, StoreError
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.outputs import output_log
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.warehouse.warehouse import Warehouse
from tests.warehouse_support import DAY, KEY, NEXT, SCHEMA, Office, frame

CHECKOUT = Path(__file__).parents[2]

# ------------------------------------------------------------ dying writers

OPEN = """
import sys, time
from pathlib import Path
from tests.warehouse_support import Office, frame
office = Office.open(Path(sys.argv[1]))
writer = office.begin()

def here():
    print("here", flush=True)
    time.sleep(60)
"""
DEATHS = {
    "between puts": "writer.put(0, frame(100)); writer.put(1, frame(100, 100)); writer.flush(); here()",
    "while a chunk waits": "writer.put(0, frame(100)); writer.put(1, frame(100, 100)); writer.flush();"
    "writer.put(2, frame(100, 200)); here()",
    "inside the landing transaction": """
        writer.put(0, frame(100)); writer.put(1, frame(100, 100)); writer.flush()
        writer.put(2, frame(100, 200))
        land = writer._landing.land
        writer._landing.land = lambda conn: (land(conn), here())
        writer.flush()""",
    "inside the publishing transaction": """
        from kronkers_batch.warehouse import log
        append = log.append
        log.append = lambda *args, **kwargs: (append(*args, **kwargs), here())
        for n in range(3): writer.put(n, frame(100, n * 100))
        writer.flush()
        writer.finish({}, {})""",
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_writer_leaves_nothing_half_seen_and_the_next_goes_on(office: Office, death: str):
    code = OPEN + textwrap.dedent(DEATHS[death])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(office.root)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()

    with pytest.raises(NotFound):
        office.warehouse.rows.read("late", date=DAY)
    assert office.warehouse.outputs("late") == []

    landed = 3 if death == "inside the publishing transaction" else 2
    writer = office.begin()
    assert writer.done == set(range(landed))
    for number in range(3):
        writer.put(number, frame(100, number * 100))
    assert writer.written == 3 - landed
    assert writer.finish({}, {}).number == 1
    assert office.rows(date=DAY).equals(frame(300))


def test_a_landed_chunk_that_was_damaged_is_written_again(office: Office):
    writer = office.begin()
    for number in range(3):
        writer.put(number, frame(100, number * 100))
    writer.flush()
    flip(office, "output_pieces", "data", "number = 0")
    flip(office, "output_pieces", "entry", "number = 1")
    writer = office.begin()
    assert writer.done == {2}
    for number in range(3):
        writer.put(number, frame(100, number * 100))
    writer.finish({}, {})
    assert office.rows(date=DAY).equals(frame(300))


# ------------------------------------------------------------ two writers


def test_an_older_writer_is_refused(office: Office):
    old = office.begin()
    old.put(0, frame(10))
    new = office.begin()
    with pytest.raises(Stale, match="taken over"):
        old.flush()
    with pytest.raises(Stale, match="taken over"):
        old.finish({}, {})
    new.put(0, frame(20))
    new.finish({}, {})
    with pytest.raises(Stale, match="taken over"):
        old.finish({}, {})
    with pytest.raises(Stale, match="taken over"):
        new.flush()
    assert office.rows(date=DAY).equals(frame(20))


@pytest.mark.parametrize("fingerprints", ["aaaa", "abcd"])
def test_writers_at_once_publish_one_whole_version_each_or_none(office: Office, fingerprints: str):
    results: list[object] = []
    barrier = threading.Barrier(len(fingerprints))

    def write(fingerprint: str) -> None:
        mine = Office.open(office.root)
        barrier.wait()
        try:
            results.append(mine.publish(fingerprint=fingerprint, chunks=4, rows=50).number)
        except Stale:
            results.append("stale")

    threads = [threading.Thread(target=write, args=(f,)) for f in fingerprints]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(fingerprints)
    assert any(result != "stale" for result in results)
    numbers = [o.number for o in office.warehouse.outputs("late")]
    assert sorted(r for r in results if r != "stale") == numbers
    for number in numbers:
        assert office.rows(date=DAY, version=number).equals(frame(200))


# ------------------------------------------------------------ writing to the database by hand


def by_hand(office: Office, *statements: str) -> None:
    office.db.close()
    with sqlite3.connect(office.root / "wh" / "x.db") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, f"changed nothing: {statement}"
    connection.close()


def flip(office: Office, table: str, column: str, where: str) -> None:
    """Flips one bit in the middle of a value."""
    office.db.close()
    with sqlite3.connect(office.root / "wh" / "x.db") as connection:
        for rowid, value in connection.execute(
            f"SELECT rowid, {column} FROM {table} WHERE {where}"
        ).fetchall():
            changed = bytearray(value)
            changed[len(changed) // 2] ^= 1
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(changed), rowid))
    connection.close()


def readings(office: Office):
    """Every way to a row of the first date's head."""
    warehouse = Office.open(office.root).warehouse
    yield lambda: pl.concat(warehouse.rows.read("late", date=DAY))
    yield lambda: pl.concat(warehouse.rows.read("late"))
    yield lambda: warehouse.rows.lookup("late", [{"origin": "JFK"}], DAY)
    yield lambda: warehouse.rows.sql("SELECT * FROM late", ["late"])


def refused(office: Office, *also) -> None:
    for reading in [*readings(office), *also]:
        with pytest.raises(IntegrityError):
            reading()


def three(office: Office) -> None:
    """Two versions of a day, of which the second is the head, one of the next day, one of another model."""
    office.publish(DAY, "a", start=1000)
    office.publish(DAY, "b")
    office.publish(NEXT, start=2000)
    office.publish(DAY, model="other", start=3000)


HEAD = "(SELECT id FROM output_versions WHERE model='late' AND logical_date='2013-06-01' AND number=2)"
OLDER = "(SELECT id FROM output_versions WHERE model='late' AND logical_date='2013-06-01' AND number=1)"
TOMORROW = "(SELECT id FROM output_versions WHERE model='late' AND logical_date='2013-06-02')"
OTHER = "(SELECT id FROM output_versions WHERE model='other')"
ROW = "version_id, action, head, at, previous, details, signature"
NEWEST = "model='late' AND logical_date='2013-06-01' AND sequence=2"


@pytest.mark.parametrize(
    ("table", "column", "where"),
    [
        ("output_pieces", "data", f"version_id = {HEAD}"),
        ("output_versions", "manifest", f"id = {HEAD}"),
        ("output_versions", "signature", f"id = {HEAD}"),
        ("output_log", "signature", NEWEST),
        ("output_log", "details", NEWEST),
        ("output_log", "details", "sequence = 1"),
        ("output_log", "signature", "sequence = 1"),
    ],
)
def test_a_flipped_bit_is_noticed(office: Office, table: str, column: str, where: str):
    three(office)
    flip(office, table, column, where)
    refused(office)


def test_a_flipped_bit_in_a_filter_is_noticed(office: Office):
    three(office)
    flip(office, "output_filters", "data", f"version_id = {HEAD}")
    with pytest.raises(IntegrityError, match="filter"):
        office.warehouse.rows.lookup("late", [{"flight": 1, "origin": "JFK"}], DAY)
    assert office.rows(date=DAY).height == 300


@pytest.mark.parametrize("source", [OLDER, TOMORROW, OTHER], ids=["version", "date", "model"])
@pytest.mark.parametrize("what", ["chunks", "one chunk", "manifest", "keys and manifest", "filters"])
def test_what_was_swapped_is_noticed(office: Office, what: str, source: str):
    three(office)
    columns = "manifest, signature, signer_key, signer"
    if what == "keys and manifest":
        columns += ", key_id, record_key_id"
    if "manifest" in what:
        by_hand(
            office,
            f"UPDATE output_versions SET ({columns}) = (SELECT {columns} FROM output_versions"
            f" WHERE id = {source}) WHERE id = {HEAD}",
        )
    elif what == "filters":
        by_hand(
            office,
            f"UPDATE output_filters SET data = (SELECT data FROM output_filters WHERE version_id = {source})"
            f" WHERE version_id = {HEAD}",
        )
        with pytest.raises(IntegrityError):
            office.warehouse.rows.lookup("late", [{"flight": 1, "origin": "JFK"}], DAY)
        return
    else:
        only = " AND number = 1" if what == "one chunk" else ""
        by_hand(
            office,
            f"UPDATE output_pieces AS p SET (entry, data) = (SELECT entry, data FROM output_pieces AS q WHERE"
            f" q.version_id = {source} AND q.number = p.number) WHERE version_id = {HEAD}{only}",
        )
    refused(office)


def test_chunks_in_another_order_are_noticed(office: Office):
    three(office)
    by_hand(
        office,
        f"UPDATE output_pieces SET number = 99 WHERE number = 0 AND version_id = {HEAD}",
        f"UPDATE output_pieces SET number = 0 WHERE number = 1 AND version_id = {HEAD}",
        f"UPDATE output_pieces SET number = 1 WHERE number = 99 AND version_id = {HEAD}",
    )
    refused(office)


@pytest.mark.parametrize("columns", ["data", "entry, data"])
@pytest.mark.parametrize(
    "change",
    [
        "0 in place of 1", "1 cut short", "1 cut to nothing", "1 twice over", "last dropped", "all dropped"
    ],
)  # fmt: skip
def test_a_chunk_in_another_position_cut_or_dropped_is_noticed(office: Office, change: str, columns: str):
    three(office)
    mine, name = f"version_id = {HEAD}", columns.split(", ")[-1]
    by_hand(
        office,
        {
            "0 in place of 1": f"UPDATE output_pieces SET ({columns}) = (SELECT {columns} FROM output_pieces"
            f" WHERE {mine} AND number = 0) WHERE {mine} AND number = 1",
            "1 cut short": f"UPDATE output_pieces SET {name} = substr({name}, 1, length({name}) - 1)"
            f" WHERE {mine} AND number = 1",
            "1 cut to nothing": f"UPDATE output_pieces SET {name} = x'' WHERE {mine} AND number = 1",
            "1 twice over": f"UPDATE output_pieces SET {name} = CAST({name} || {name} AS BLOB)"
            f" WHERE {mine} AND number = 1",
            "last dropped": f"DELETE FROM output_pieces WHERE {mine} AND number = 2",
            "all dropped": f"DELETE FROM output_pieces WHERE {mine}",
        }[change],
    )
    refused(office)


def test_a_chunk_that_no_manifest_lists_is_not_read(office: Office):
    three(office)
    by_hand(
        office,
        "INSERT INTO output_pieces SELECT version_id, 3, entry, data FROM output_pieces"
        f" WHERE version_id = {HEAD} AND number = 1",
    )
    assert Office.open(office.root).rows(date=DAY).equals(frame(300))


WHOLE = "key_id, record_key_id, manifest, signature, signer_key, signer"


@pytest.mark.parametrize("what", ["chunks", "version", "version and keys"])
@pytest.mark.parametrize("source", ["department", "database"])
def test_what_is_of_another_department_or_database_is_noticed(office: Office, tmp_path, source, what):
    """Of the same shape, name and date, made and signed by an administrator of the same name."""
    three(office)
    if source == "department":
        other, department = office, "fleet"
    else:
        (tmp_path / "elsewhere").mkdir()
        other, department = Office.make(tmp_path / "elsewhere"), "ops"
    model = "late" if source == "database" else "far"
    writer = other.warehouse.begin(model, department, DAY, "b", SCHEMA, KEY)
    for number in range(3):
        writer.put(number, frame(100, 7_000 + number * 100))
    writer.finish({"model_version": "late@1"}, {"rows": 300.0})
    other.db.close()
    office.db.close()
    with sqlite3.connect(office.root / "wh" / "x.db") as connection:
        connection.execute("ATTACH ? AS theirs", (str(other.root / "wh" / "x.db"),))
        theirs = (
            f"(SELECT id FROM theirs.output_versions WHERE model='{model}' AND department='{department}')"
        )
        if "keys" in what and source == "database":
            keys = f"SELECT * FROM theirs.data_keys WHERE version_id = {theirs}"
            assert connection.execute(f"INSERT INTO data_keys {keys}").rowcount == 2
        if "version" in what:
            connection.execute(
                f"UPDATE main.output_versions SET ({WHOLE}) = (SELECT {WHOLE} FROM theirs.output_versions"
                f" WHERE id = {theirs}) WHERE id = {HEAD}"
            )
        done = connection.execute(
            "UPDATE main.output_pieces AS p SET (entry, data) = (SELECT entry, data FROM theirs.output_pieces"
            f" AS q WHERE q.version_id = {theirs} AND q.number = p.number) WHERE version_id = {HEAD}"
        )
        assert done.rowcount == 3
    connection.close()
    for reading in readings(office):
        with pytest.raises((IntegrityError, NotFound)):  # a key that is not of this database is not found
            reading()


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE output_log SET head = {head} WHERE {NEWEST}" for head in (OLDER, TOMORROW, OTHER, "''")),
        *(f"UPDATE output_log SET version_id = {v} WHERE {NEWEST}" for v in (OLDER, TOMORROW, OTHER)),
        f"UPDATE output_log SET action = 'hold' WHERE {NEWEST}",
        f"UPDATE output_log SET at = 1 WHERE {NEWEST}",
        f"UPDATE output_log SET previous = '' WHERE {NEWEST}",
        "UPDATE output_log SET action = 'hold' WHERE sequence = 1 AND model = 'late'",
        f"UPDATE output_log SET signer_key = 'nobody' WHERE {NEWEST}",
        "DELETE FROM output_log WHERE sequence = 1 AND model = 'late' AND logical_date = '2013-06-01'",
        # Tomorrow's log as today's.
        f"UPDATE output_log SET ({ROW}) = (SELECT {ROW} FROM output_log WHERE logical_date = '2013-06-02')"
        f" WHERE {NEWEST}",
        f"UPDATE output_versions SET logical_date = '2013-06-03' WHERE id = {HEAD}",
        f"UPDATE output_versions SET model = 'x' WHERE id = {HEAD}",
        f"UPDATE output_versions SET department = 'fleet' WHERE id = {HEAD}",
        f"UPDATE output_versions SET number = 7 WHERE id = {HEAD}",
        f"UPDATE output_versions SET fingerprint = 'x' WHERE id = {HEAD}",
        f"UPDATE output_versions SET created = 1 WHERE id = {HEAD}",
        f"DELETE FROM output_pieces WHERE number = 1 AND version_id = {HEAD}",
        f"UPDATE output_versions SET manifest = NULL WHERE id = {HEAD}",
    ],
)
def test_a_row_changed_by_hand_is_noticed(office: Office, statement: str):
    three(office)
    by_hand(office, statement)
    refused(office)


def test_a_log_that_a_reader_signed_is_not_believed(office: Office):
    """Who may read holds every key that sealing takes; what is missing is the right to sign."""
    from kronkers_batch.warehouse import log

    three(office)
    reader = office.member("anna", Scope("ops"), Role.READER)
    with reader.db.write() as conn:
        judged = log.lines(conn, reader.vault, "late", DAY)
        place, newest = judged[0].place, reader.warehouse.get("late/2013-06-01#1")
        key_id = conn.exec_driver_sql(
            f"SELECT record_key_id FROM output_versions WHERE id = {OLDER}"
        ).scalar()
        key = reader.vault.data_key(conn, key_id)
        log.append(conn, reader.vault, key, place, log.PUBLISH, newest.id)
    refused(office)


def test_a_line_before_the_one_before_it_is_refused(office: Office):
    """Its signer could hide what readers got at an earlier time."""
    from kronkers_batch.warehouse import log

    three(office)
    with office.db.write() as conn:
        first, last = log.lines(conn, office.vault, "late", DAY)
        earlier = dataclasses.replace(last, at=first.at - 1)
        signed = office.vault.sign(earlier.context, earlier.statement())
        values = {"at": earlier.at, "signature": signed.value}
        conn.execute(update(output_log).where(output_log.c.version_id == last.version_id).values(**values))
    refused(office)


def test_a_chunk_that_a_reader_sealed_is_not_believed(office: Office):
    """Who may read holds the data key: the ciphertext opens, but the signed manifest does not list it."""
    from kronkers_batch.warehouse import output_chunks
    from kronkers_batch.warehouse.output_chunks import Place

    three(office)
    reader = office.member("anna", Scope("ops"), Role.READER)
    head = office.warehouse.get("late/2013-06-01#2")
    with reader.db.write() as conn:
        key_id = conn.exec_driver_sql(f"SELECT key_id FROM output_versions WHERE id = {HEAD}").scalar()
        place = Place("ops", "late", str(DAY), head.id)
        context = place.chunk(1, 100, SCHEMA.digest())
        forged = reader.vault.seal(
            reader.vault.data_key(conn, key_id), context, output_chunks.encode(frame(100))
        )
        where = f"version_id = '{head.id}' AND number = 1"
        conn.exec_driver_sql(f"UPDATE output_pieces SET data = ? WHERE {where}", (forged,))
    refused(office)


def test_a_head_of_another_date_that_an_operator_signed(office: Office):
    """Signed by who may: still a date's head is a version of that date and model."""
    three(office)
    for head in (office.warehouse.get("late/2013-06-02#1").id, office.warehouse.get("other/2013-06-01#1").id):
        sign_a_head(office, head)
        with pytest.raises(IntegrityError, match="another date or model"):
            office.rows(date=DAY)


def test_a_head_that_was_never_published(office: Office):
    office.publish(DAY, "a")
    held = office.publish(DAY, "b", missed=("score is too high",))
    assert not held.head
    sign_a_head(office, held.id)
    with pytest.raises(IntegrityError, match="nobody published it"):
        office.rows(date=DAY)


def sign_a_head(office: Office, head: str) -> None:
    from kronkers_batch.warehouse import log

    with office.db.write() as conn:
        judged = log.lines(conn, office.vault, "late", DAY)
        query = "SELECT record_key_id FROM output_versions WHERE id = ?"
        key_id = conn.exec_driver_sql(query, (judged[0].place.version_id,)).scalar()
        key = office.vault.data_key(conn, key_id)
        log.append(conn, office.vault, key, judged[0].place, log.PUBLISH, head)


# ------------------------------------------------------------ the database itself


def test_a_locked_database_says_so_and_nothing_is_lost(office: Office):
    db = Database(Secret(f"sqlite:///{office.root}/wh/x.db"), wait=0.1)
    warehouse = Warehouse(db, office.vault, make_ledger(db, office.vault))
    writer = warehouse.begin("late", "ops", DAY, "a", SCHEMA, KEY)
    writer.put(0, frame(10))
    other = sqlite3.connect(office.root / "wh" / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for attempt in (writer.flush, lambda: writer.finish({}, {})):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.fix
    other.execute("ROLLBACK")
    other.close()
    assert writer.finish({}, {}).head
    assert office.rows(date=DAY).equals(frame(10))


def test_no_plaintext_on_disk(office: Office):
    marker = "planted-9f3a"
    rows = frame(1000).with_columns(origin=pl.lit(marker), score=pl.lit(1234.5678901))
    writer = office.begin()
    writer.put(0, rows)
    writer.flush()
    check_nothing_planted(office, marker)
    output = writer.finish({"note": marker}, {f"{marker}.mean": 1.0}, (f"{marker} is too low",))
    office.warehouse.judge(output, [], why=marker)
    office.warehouse.rows.lookup("late", [{"flight": 5, "origin": marker}], DAY)
    office.warehouse.rows.sql("SELECT origin, count(*) FROM late GROUP BY origin ORDER BY 1", ["late"])
    check_nothing_planted(office, marker)
    office.warehouse.expire("late", NEXT, why=marker)
    check_nothing_planted(office, marker)


def check_nothing_planted(office: Office, marker: str) -> None:
    import struct

    planted = [marker.encode(), struct.pack("<d", 1234.5678901)]
    files = [path for path in office.root.rglob("*") if path.is_file()]
    assert any(path.name == "x.db" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(value in content for value in planted), path


def test_a_deleted_version_cannot_be_opened_from_an_old_copy(office: Office):
    """Its chunks may lie in a backup; its key does not open any more, also not with yesterday's row."""
    office.publish()
    with office.db.read() as conn:
        key_id = conn.exec_driver_sql("SELECT key_id FROM output_versions").scalar()
    office.warehouse.expire("late", NEXT)
    with Office.open(office.root).db.read() as conn, pytest.raises(KronkersError, match="shredded"):
        office.vault.data_key(conn, key_id)
