"""What is a new warehouse, and what is a lost one"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kronkers_batch.bootstrap import open_system
from kronkers_batch.config import account
from kronkers_batch.errors import IntegrityError, KronkersError, NotFound, StoreError
from kronkers_batch.vault import pin
from tests.rules.world import World

DIES = """\
import os, signal, sys
from pathlib import Path
from kronkers_batch.bootstrap import open_system
from kronkers_batch.access import setup
from kronkers_batch.vault import keyfile, pin
room, name, times = sys.argv[2:]
after = times.endswith("+")
room = {"keyfile": keyfile, "pin": pin, "setup": setup}[room]
real = getattr(room, name)
calls = 0
def dies(*arguments, **options):
    global calls
    calls += 1
    if after:
        real(*arguments, **options)
    if calls == int(times.strip("+")):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(room, name, dies)
open_system(Path(sys.argv[1]) / "conf", first_run=True)
"""


@pytest.fixture
def new(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project before its first run."""
    World.make(tmp_path / "new")
    monkeypatch.setenv("HOME", str(tmp_path / "new/home"))
    return tmp_path / "new"


def database(folder: Path) -> Path:
    return folder / "var/warehouse.db"


def keys(folder: Path) -> Path:
    return folder / "home/.config/kronkers"


def recovery_keys(folder: Path) -> list[Path]:
    return sorted(keys(folder).glob(f"{account.RECOVERY}*"))


def emptied(folder: Path, how: str = "deleted") -> None:
    for path in folder.glob("var/warehouse.db*"):
        path.unlink()
    if how == "truncated":
        database(folder).touch()


def opens(folder: Path, **options: bool) -> None:
    open_system(folder / "conf", **options).close()


def refused(folder: Path, **options: bool) -> KronkersError:
    before = sorted(keys(folder).iterdir())
    with pytest.raises(KronkersError) as caught:
        opens(folder, **options)
    assert sorted(keys(folder).iterdir()) == before
    return caught.value


def checkpoint(folder: Path) -> None:
    (folder / "var/checkpoints/ledger/OLD").mkdir(parents=True)
    (folder / "var/checkpoints/ledger/OLD/000000000001-1.json").write_text("{}")


def artifact(folder: Path) -> None:
    (folder / "var/artifacts/artifacts/sales/price").mkdir(parents=True)
    (folder / "var/artifacts/artifacts/sales/price/ID").write_text("x")


def snapshot(folder: Path) -> None:
    (folder / "var/artifacts/snapshots/sales/offers/ID").mkdir(parents=True)
    (folder / "var/artifacts/snapshots/sales/offers/ID/0").write_text("x")


def test_the_first_run_makes_a_warehouse(new: Path):
    """The very first run makes the warehouse, one administrator and one recovery key."""
    opens(new, first_run=True)
    assert len(recovery_keys(new)) == 1
    opens(new)


def test_reading_makes_nothing(new: Path):
    """A command that only reads makes no warehouse, except `kronkers plan` and `kronkers access list`, and
    names the command that does.
    """
    with pytest.raises(NotFound, match="there is no warehouse here yet") as caught:
        opens(new)
    assert "kronkers plan" in caught.value.fix
    assert not database(new).exists()
    assert not keys(new).exists()


@pytest.mark.parametrize("how", ["deleted", "truncated"])
@pytest.mark.parametrize("first_run", [False, True])
def test_a_lost_database_is_not_a_new_one(new: Path, how: str, first_run: bool):
    """If the database was deleted or emptied, every command ends with code 4 and says what to do."""
    opens(new, first_run=True)
    emptied(new, how)
    error = refused(new, first_run=first_run)
    assert error.exit_code == 4
    assert "knows the warehouse" in error.what
    assert "restore the newest backup" in error.fix
    with contextlib.closing(sqlite3.connect(database(new))) as connection:
        assert connection.execute("select count(*) from sqlite_master").fetchone() == (0,)


@pytest.mark.parametrize("left", [checkpoint, artifact, snapshot])
def test_each_sign_of_a_warehouse_counts(new: Path, left: Callable[[Path], None]):
    """Checkpoints, model versions and snapshots each show that a warehouse existed here."""
    keys(new).mkdir(parents=True, mode=0o700)
    left(new)
    assert "the database is empty, and there are" in refused(new, first_run=True).what


def test_an_explicit_word_makes_a_new_warehouse(folder: Path):
    """In place of a lost warehouse, a new one is made only with `--new-warehouse`."""
    before = recovery_keys(folder)
    emptied(folder)
    checkpoint(folder)
    opens(folder, first_run=True, new_warehouse=True)
    assert len(recovery_keys(folder)) == len(before) + 1
    opens(folder)


def test_the_word_alone_makes_nothing(new: Path):
    """`--new-warehouse` does not change an existing warehouse. `--new-warehouse` makes no warehouse if the
    command makes none without it.
    """
    with pytest.raises(NotFound):
        opens(new, new_warehouse=True)
    opens(new, first_run=True)
    before = database(new).read_bytes()
    opens(new, first_run=True, new_warehouse=True)
    assert database(new).read_bytes() == before


def test_another_warehouse_at_another_address_is_new(folder: Path):
    """A second warehouse of the same administrator at its own address is a new one."""
    World.make(folder / "second")
    opens(folder / "second", first_run=True)
    assert len(pin.every(keys(folder) / "trust.json")) == 2


def test_another_warehouses_database_is_refused(folder: Path):
    """If the database of another trusted warehouse stands in the place of this warehouse's database, it is
    refused.
    """
    checkpoint(folder)
    World.make(folder / "second")
    opens(folder / "second", first_run=True)
    emptied(folder)
    shutil.copy(database(folder / "second"), database(folder))
    error = refused(folder, first_run=True)
    assert isinstance(error, IntegrityError)
    assert "and the checkpoints belong to OLD" in error.what


def test_a_moved_warehouse_opens(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A warehouse opens after its folder was moved together with the checkpoints."""
    (pinned,) = pin.every(keys(folder) / "trust.json")
    (folder / f"var/checkpoints/ledger/{pinned.warehouse}").mkdir(parents=True)
    (folder / f"var/checkpoints/ledger/{pinned.warehouse}/1-1.json").write_text("{}")
    checkpoint(folder)
    folder.rename(tmp_path / "moved")
    monkeypatch.setenv("HOME", str(tmp_path / "moved/home"))
    opens(tmp_path / "moved")


def test_another_programs_database_is_refused(new: Path):
    """A database with another program's tables is refused, and not changed."""
    database(new).parent.mkdir(parents=True)
    with sqlite3.connect(database(new)) as connection:
        connection.execute("create table theirs (a)")
    with pytest.raises(StoreError, match="another program's tables"):
        opens(new, first_run=True, new_warehouse=True)


@pytest.mark.parametrize(
    ("room", "name", "times"),
    [
        ("keyfile", "create", "2"), ("setup", "make_ledger", "1"), ("pin", "add", "1"), ("pin", "add", "1+"),
        ("setup", "finish", "1"),
    ],
)  # fmt: skip
def test_a_killed_first_run_leaves_one_recovery_key(new: Path, room: str, name: str, times: str):
    """After a killed first run the next run continues. A killed first run leaves one recovery key and one
    pin.
    """
    words = [sys.executable, "-c", DIES, str(new), room, name, times]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    opens(new, first_run=True)
    opens(new)
    (pinned,) = pin.every(keys(new) / "trust.json")
    assert [path.name for path in recovery_keys(new)] == [f"{account.RECOVERY}{pinned.warehouse}.key"]
    assert not list(keys(new).glob(f"{account.RECOVERY_DRAFT}*"))
