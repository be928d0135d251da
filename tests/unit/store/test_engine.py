"""Transactions on a real file."""

import contextlib
import multiprocessing
import os
import threading

import pytest
from sqlalchemy import insert, select, text

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import ConfigError, IntegrityError, MissingPart, StoreError, TakenOver
from kronkers_batch.store import pending
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.claims import RunClaim
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.runs import runs

ROW = {"logical_date": "2013-06-01", "started": 1, "state": "running", "trigger": "command"}


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/wh/x.db"), wait=0.3)
    made.migrate()
    return made


def count(db):
    with db.read() as conn:
        return len(conn.execute(select(runs.c.id)).all())


def test_a_write_is_whole_or_nothing(db):
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))
    with contextlib.suppress(RuntimeError), db.write() as conn:
        conn.execute(insert(runs).values(id="b", **ROW))
        raise RuntimeError
    assert count(db) == 1


def test_files_and_folder_are_private(db, tmp_path):
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))
        modes = {f.name: f.stat().st_mode & 0o777 for f in (tmp_path / "wh").iterdir()}
    assert set(modes) == {"x.db", "x.db-wal", "x.db-shm"}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "wh").stat().st_mode & 0o777 == 0o700


def test_every_connection_has_the_pragmas(db):
    wanted = {"journal_mode": "wal", "secure_delete": 1, "foreign_keys": 1, "busy_timeout": 300}
    with db.read() as conn:
        assert {k: conn.execute(text(f"PRAGMA {k}")).scalar() for k in wanted} == wanted
    default = Database(Secret(f"sqlite:///{db.path}"))
    with default.read() as conn:
        assert conn.execute(text("PRAGMA busy_timeout")).scalar() == 30_000


def test_a_second_writer_waits_and_then_says_locked(db):
    other = Database(Secret(f"sqlite:///{db.path}"), wait=0.2)
    with db.write(), pytest.raises(StoreError, match="locked") as caught, other.write():
        pass
    assert str(db.path) in str(caught.value)
    assert "->" in str(caught.value)


def test_readers_go_on_beside_a_writer_and_see_one_read(db):
    with db.read() as reader:
        assert reader.execute(select(runs.c.id)).all() == []
        with db.write() as conn:
            conn.execute(insert(runs).values(id="a", **ROW))
        assert reader.execute(select(runs.c.id)).all() == []
    assert count(db) == 1


def test_threads_write_one_after_the_other(tmp_path):
    db = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    db.migrate()
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))

    def bump():
        for _ in range(25):
            with db.write() as conn:
                old = conn.execute(select(runs.c.started)).scalar_one()
                conn.execute(runs.update().values(started=old + 1))

    threads = [threading.Thread(target=bump) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with db.read() as conn:
        assert conn.execute(select(runs.c.started)).scalar() == 101


def _write_in_child(db, failed):
    inherited = db._engine
    try:
        with db.write() as conn:
            conn.execute(insert(runs).values(id=str(os.getpid()), **ROW))
        assert db._engine is not inherited
    except BaseException as error:
        failed.put(repr(error))


def test_a_forked_child_opens_its_own_connections(db):
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))
    context = multiprocessing.get_context("fork")
    failed = context.Queue()
    child = context.Process(target=_write_in_child, args=(db, failed))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert failed.empty()
    assert count(db) == 2


def test_foreign_keys_hold(db):
    from sqlalchemy.exc import IntegrityError as Constraint

    with pytest.raises(Constraint), db.write() as conn:
        conn.execute(text("INSERT INTO grants VALUES ('g','nobody','d','','viewer',1,'i',x'00')"))


def test_a_database_that_is_not_there_is_not_made_by_reading(tmp_path):
    db = Database(Secret(f"sqlite:///{tmp_path}/none.db"))
    with pytest.raises(StoreError, match="no database here"), db.read():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"hello " * 1000)
    with pytest.raises(IntegrityError, match="damaged"):
        Database(Secret(f"sqlite:///{path}")).migrate()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "nonsense", "oracle://host/db", "__init__://host/db"]
)
def test_urls_that_are_no_use(url):
    with pytest.raises(ConfigError), Database(Secret(url)).read():
        pass


def test_no_password_in_messages():
    db = Database(Secret("postgresql+nothere://user:hunter2@host/db"))
    assert "hunter2" not in db.where
    with pytest.raises(MissingPart) as caught, db.read():
        pass
    assert "hunter2" not in str(caught.value)


def test_statement_parameters_stay_out_of_errors(db):
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError) as caught, db.write() as conn:
        conn.execute(text("INSERT INTO nothere VALUES (:v)"), {"v": "confidential"})
    assert "confidential" not in str(caught.value)


def test_scrub_takes_deleted_bytes_off_the_disk(db):
    secret = b"\x5a\xa5wrapped-key-bytes" * 20
    with db.unchecked(write=True) as conn:
        conn.execute(text("CREATE TABLE s (k BLOB)"))
        conn.execute(text("INSERT INTO s VALUES (:k)"), {"k": secret})
    db.scrub()
    with db.unchecked(write=True) as conn:
        conn.execute(text("DELETE FROM s"))
    files = [db.path, db.path.with_name("x.db-wal")]
    assert any(secret in f.read_bytes() for f in files)  # why scrub is needed
    db.scrub()
    assert not any(secret in f.read_bytes() for f in files)


def test_scrub_is_pending_while_a_reader_holds_the_log(db):
    def is_pending():
        with db.read() as conn:
            return pending.is_marked(conn, pending.SCRUB)

    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))
    with db.read() as reader:
        reader.execute(select(runs)).all()
        with db.write() as conn:
            conn.execute(runs.delete())
        assert not db.scrub(patience=0.2)
        assert is_pending()
        assert not db.scrub(patience=0)
    assert is_pending()
    assert db.scrub()
    assert not is_pending()


def test_scrub_waits_for_a_reader_that_is_soon_done(db):
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **ROW))
    begun, end = threading.Event(), threading.Event()

    def read():
        with db.read() as reader:
            reader.execute(select(runs)).all()
            begun.set()
            end.wait(60)

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait(60)
    with db.write() as conn:
        conn.execute(runs.delete())
    threading.Timer(0.3, end.set).start()
    assert db.scrub(patience=60)
    reader.join()


def test_what_is_deleted_meanwhile_stays_pending(db):
    with db.write() as conn:
        pending.mark(conn, pending.SCRUB)
        pending.clear(conn, pending.SCRUB, upto=0)
        assert pending.is_marked(conn, pending.SCRUB)


CLAIM = RunClaim("a", 1)


@pytest.mark.parametrize(
    "change",
    [{"token": 2}, {"state": "interrupted"}, {"state": "finished"}, {"id": "another"}],
    ids=["another token", "interrupted", "finished", "gone"],
)
def test_who_lost_the_run_writes_nothing_any_more(db, change):
    with db.write() as conn:
        conn.execute(insert(runs).values(id="a", **(ROW | {"state": "running", "token": 1})))
    with db.under(CLAIM):
        with db.write() as conn:
            conn.execute(runs.update().values(exit_code=1))
        with db.read():
            pass
    with db.write() as conn:
        conn.execute(runs.update().values(**change))
    with db.under(CLAIM):
        for _ in range(2):
            with (
                pytest.raises(TakenOver, match="another process took this run over") as caught,
                db.write() as conn,
            ):
                conn.execute(runs.update().values(exit_code=2))
        with db.read() as conn:
            assert conn.execute(select(runs.c.exit_code)).scalars().all() == [1]
    assert caught.value.exit_code == 4
    with db.write() as conn:  # the claim is the run's alone
        conn.execute(runs.update().values(exit_code=3))


def test_nothing_that_takes_long_is_waited_for_inside_a_write_transaction(db, tmp_path):
    store = ArtifactStore(str(tmp_path / "artifacts"))
    with db.read():
        store.list("")
    with pytest.raises(RuntimeError, match="an artifact store is waited for inside"), db.write():
        store.list("")
    with pytest.raises(RuntimeError, match="inside a write transaction"), db.unchecked(write=True):
        store.write("a/b", b"")
    store.write("a/b", b"")
    with db.write():
        other = threading.Thread(target=lambda: store.delete("a/b"))
        other.start()
        other.join()
    assert store.list("") == []
