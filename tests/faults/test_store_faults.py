"""The disk is full, the folder read-only, the database held: the real things, in children where needed."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import text

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database

ROOT = Path(__file__).parents[2]
NOBODY = 65_534
HEAD = """
import os, resource, signal, sys
from pathlib import Path
from sqlalchemy import text
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import KronkersError
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.vault import keyfile
db = Database(Secret(f"sqlite:///{folder}/wh/x.db"), wait=0.2)
db.backend  # imported while this user may read the program
store = ArtifactStore(f"{folder}/art")
def write(data=b"x"):
    with db.write() as conn:
        insert = "INSERT INTO runs (id,logical_date,started,state,trigger) VALUES (:i,'d',1,:s,'t')"
        conn.execute(text(insert), {"i": "a", "s": data})
def refused(action, *words):
    try:
        action()
    except KronkersError as error:
        said = str(error)
        assert type(error).__name__ == "StoreError", repr(error)
        assert all(w in said for w in words) and "->" in said, said
    else:
        raise AssertionError("not refused")
def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


def child(folder, body):
    """Runs the body in another process, so that its limits and its user are its own."""
    code = f"folder = {str(folder)!r}\n" + HEAD + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def db(tmp_path):
    made = Database(Secret(f"sqlite:///{tmp_path}/wh/x.db"), wait=0.2)
    made.migrate()
    made.close()
    return made


def test_a_database_held_by_another_process(db, tmp_path):
    with db.write():
        child(tmp_path, 'refused(write, "locked", "wh/x.db", "30 seconds")')
    child(tmp_path, "write()")


def test_a_disk_that_is_full_for_the_database(db, tmp_path):
    # A limit on file size stops the write-ahead log as a full disk does.
    child(
        tmp_path,
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        db.migrate()
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        refused(lambda: write(bytes(1_000_000)), "full", "x.db", "Free disk space")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        write()
        with db.read() as conn:
            assert conn.execute(text("SELECT count(*), max(length(state)) FROM runs")).one() == (1, 1)
        """,
    )


def test_a_database_at_its_quota(db):
    with db.read() as conn:
        pages = conn.execute(text("PRAGMA page_count")).scalar_one()

    def fill():
        with db.write() as conn:
            conn.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
            conn.execute(text("CREATE TABLE big (b BLOB)"))
            conn.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    with pytest.raises(StoreError, match="full"):
        fill()
    db.close()
    with db.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'big'")).scalar() == 0


def test_a_disk_that_is_full_for_artifacts(tmp_path):
    store = ArtifactStore(f"{tmp_path}/art")
    store.write("a/b", b"old")
    child(
        tmp_path,
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        refused(lambda: store.write("a/b", bytes(20_000)), "full", "art/a/b", "Free disk space")
        refused(lambda: store.write("a/new", bytes(20_000)), "full")
        """,
    )
    assert store.read("a/b") == b"old"
    assert os.listdir(tmp_path / "art" / "a") == ["b"]  # nothing unfinished is left


def test_a_real_full_disk(tmp_path):
    """A tmpfs of 1 MB, in a mount namespace of its own."""
    inside = textwrap.dedent("""
        db.migrate()
        refused(lambda: write(bytes(3_000_000)), "full", "Free disk space")
        refused(lambda: store.write("a/b", bytes(3_000_000)), "full", "Free disk space")
        assert store.list("") == []
        write()
        """)
    code = f"folder = {str(tmp_path)!r}\n" + HEAD + inside
    done = subprocess.run(
        [
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            'mount -t tmpfs -o size=1m none "$1" && "$2" -c "$3"',
            "sh",
            str(tmp_path),
            sys.executable,
            code,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def lock_down(folder, mode):
    """Takes the write right from folder and files; root's child becomes another user, whom that binds."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(mode if path.is_dir() else mode & 0o666)


def let_through(folder):
    """pytest's folders are closed to others; opens the way down to ``folder``."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent) != "/tmp":
            parent.chmod(parent.stat().st_mode | 0o011)
        if parent.name.startswith("pytest-of"):
            break


@pytest.fixture
def other_user(tmp_path):
    let_through(tmp_path / "x")
    return "as_nobody()" if os.geteuid() == 0 else ""


@pytest.mark.parametrize("what", ["wh", "x.db"])
def test_a_read_only_database(db, tmp_path, other_user, what):
    (tmp_path / "art").mkdir()
    lock_down(tmp_path, 0o755 if what == "x.db" else 0o555)
    if what == "x.db":
        (tmp_path / "wh").chmod(0o777)
        db.path.chmod(0o444)
    try:
        child(tmp_path, f'{other_user}\nrefused(write, "x.db", "right to write")')
        if what == "wh":
            child(
                tmp_path, f'{other_user}\nrefused(lambda: store.write("a", b"x"), "art/a", "right to write")'
            )
    finally:
        lock_down(tmp_path, 0o755)


def test_a_folder_that_nobody_may_enter(db, tmp_path, other_user):
    ArtifactStore(f"{tmp_path}/art").write("a", b"x")
    (tmp_path / "wh").chmod(0)
    (tmp_path / "art").chmod(0)
    try:
        child(
            tmp_path,
            f"""
            {other_user}
            refused(db.migrate, "x.db")
            refused(write, "x.db")
            refused(lambda: store.read("a"), "art/a")
            refused(lambda: store.delete("a"), "art/a")
            """,
        )
    finally:
        (tmp_path / "wh").chmod(0o700)
        (tmp_path / "art").chmod(0o700)


def test_a_database_cannot_be_made_in_a_read_only_folder(tmp_path, other_user):
    tmp_path.chmod(0o555)
    try:
        child(tmp_path, f'{other_user}\nrefused(db.migrate, "wh", "right to write")')
    finally:
        tmp_path.chmod(0o755)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "wh").write_text("x")
    (tmp_path / "art").write_text("x")
    child(
        tmp_path,
        """
        refused(db.migrate, "path")
        refused(lambda: store.write("a/b", b"x"), "path")
        """,
    )


def test_a_writer_that_is_killed_leaves_nothing(db, tmp_path):
    code = f"folder = {str(tmp_path)!r}\n{HEAD}" + textwrap.dedent("""
        with db.write() as conn:
            insert = "INSERT INTO runs (id,logical_date,started,state,trigger) VALUES ('a','d',1,'s','t')"
            conn.execute(text(insert))
            os.kill(os.getpid(), 9)
        """)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9
    with db.write() as conn:
        assert conn.execute(text("SELECT count(*) FROM runs")).scalar() == 0


def test_key_files_of_another_user(tmp_path, other_user):
    """The owner is checked, not the mode alone; root could read anything."""
    path = tmp_path / "ann.key"
    body = """
    from kronkers_batch.errors import IdentityError
    from kronkers_batch.vault import keyfile
    try:
        keyfile.load(Path(folder) / "ann.key", environ={})
    except IdentityError as error:
        assert WORDS in str(error), error
    else:
        raise AssertionError("not refused")
    """
    from kronkers_batch.vault import keyfile
    from kronkers_batch.vault.identity import Identity

    keyfile.create(path, Identity.generate("ann"))
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
        child(tmp_path, textwrap.dedent(body).replace("WORDS", '"belongs to another user"'))
        os.chown(path, 0, 0)
        child(tmp_path, other_user + "\n" + textwrap.dedent(body).replace("WORDS", '"cannot be read"'))
    else:
        path.chmod(0)
        child(tmp_path, textwrap.dedent(body).replace("WORDS", '"cannot be read"'))
