"""What the program writes is closed to other users, whatever the umask; what they could touch is not used.

As root a second user really tries. An ordinary user has none: modes are looked at, as root does too.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from kronkers_batch import private
from kronkers_batch.errors import IdentityError
from kronkers_batch.vault import keyfile, pin, remembered_definitions
from kronkers_batch.vault.identity import Identity

STRANGER = 64_321
ROOT = os.geteuid() == 0
UMASKS = (0o000, 0o022, 0o277, 0o777)


def loose(folder: Path) -> list[str]:
    """What others could read, change, or list below a folder, by its modes."""
    found = []
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o077:
            found.append(f"{path} {mode:o}")
    return found


def as_stranger(folder: Path, *command: str) -> str:
    """What a command says that another user runs in a folder that they may enter."""
    done = subprocess.run(
        command, cwd=folder, user=STRANGER, group=STRANGER, extra_groups=[], env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


# ---------------------------------------------------------------- what is left behind


@pytest.mark.parametrize("umask", [0o000, 0o777], ids=oct)
def test_a_night_under_any_umask_is_closed_to_others_and_open_to_its_owner(company, umask):
    shutil.rmtree(company.folder / "var/cache")
    shutil.rmtree(company.folder / "var/reports")
    old = os.umask(umask)
    try:
        company.run("run", "--date", "2024-01-21")
        company.by("ann").run("read", "buys", "--to", str(company.folder / "out.csv"))
        company.by("ann").run("report", "--date", "2024-01-21", "--to", str(company.folder / "page.html"))
    finally:
        os.umask(old)
    assert loose(company.folder / "var") == []
    assert loose(company.folder / "homes/nightly/.config/kronkers") == []
    for name in ("out.csv", "page.html"):
        assert stat.S_IMODE((company.folder / name).stat().st_mode) == 0o600
    if ROOT:
        stranger_finds_nothing(company)
    company.run("run", "--date", "2024-01-22")  # the owner reads what is there


def stranger_finds_nothing(company) -> None:
    declared = [word for name in ("conf", "models", "data", "hr") for word in ("-path", f"./{name}", "-o")]
    find = ("find", ".", "(", *declared[:-1], ")", "-prune", "-o")
    assert as_stranger(company.folder, *find, "-type", "f", "-readable", "-print") == ""
    assert as_stranger(company.folder, *find, "-path", "./var/*", "-print") == ""
    assert as_stranger(company.folder, "find", ".", "-writable", "!", "-type", "l", "-print") == ""
    for name in ("var/x", "var/cache/x", "homes/nightly/.config/kronkers/x"):
        as_stranger(company.folder, "touch", name)
        assert not (company.folder / name).exists()


def test_a_cache_that_others_could_write_to_is_closed_again(company):
    """What lies in it is believed: that code loads, and what a version's code is."""
    for name in ("cache",):
        (company.folder / "var" / name).chmod(0o777)
    company.edit("models/buys/model.py", "def fit(", "# other code\ndef fit(")
    company.run("check")
    company.run("train", "buys", "--date", "2024-01-21", "--force", code=None)
    for name in ("cache",):
        assert stat.S_IMODE((company.folder / "var" / name).stat().st_mode) & 0o022 == 0, name


def test_files_appear_whole_and_private(tmp_path):
    for umask in UMASKS:
        old = os.umask(umask)
        try:
            folder = tmp_path / f"{umask:o}" / "below"
            private.replace(folder / "a", b"one")
            private.replace(folder / "a", b"two")
            private.create(folder / "b", [b"x", b"y"])
        finally:
            os.umask(old)
        assert [(p.name, p.read_bytes()) for p in sorted(folder.iterdir())] == [("a", b"two"), ("b", b"xy")]
        assert loose(folder.parent) == []
        assert stat.S_IMODE(folder.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
        with pytest.raises(FileExistsError):
            private.create(folder / "b", [b"z"])
        with pytest.raises(FileExistsError), private.writing(folder / "b", over=False) as file:
            file.write(b"z")
        with pytest.raises(ZeroDivisionError), private.writing(folder / "b") as file:
            file.write(b"z" * (1 // 0))
        assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]
        assert (folder / "b").read_bytes() == b"xy"


def test_a_folder_that_is_swapped_for_a_link_while_a_file_is_written_leads_nowhere(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    judged: list[str] = []
    with private.writing(tmp_path / "here/x", judge=judged.append) as file:
        file.write(b"rows")
        (tmp_path / "here").rename(tmp_path / "moved")
        (tmp_path / "here").symlink_to(tmp_path / "there")
    assert judged == [f"{tmp_path}/here/x"]
    assert list((tmp_path / "there").iterdir()) == []
    assert (tmp_path / "moved/x").read_bytes() == b"rows"


# ---------------------------------------------------------------- key and trust files


@pytest.fixture
def keys(company):
    """The folder of the nightly service's key."""
    return company.key_file.parent


def loads(company) -> None:
    """Every file that opens the warehouse, as each command reads them."""
    company.run("plan")


def test_a_folder_of_keys_that_others_may_write_to_is_refused(company, keys):
    for mode in (0o770, 0o707, 0o777):
        keys.chmod(mode)
        done = company.run("plan", code=3)
        assert "others may write to the folder of the key file" in done.stderr
        assert f"chmod go-w {keys}" in done.stderr
    keys.chmod(0o1777)  # as /tmp is: nobody replaces there what is somebody else's
    loads(company)
    keys.chmod(0o755)
    loads(company)


def test_a_key_file_through_a_link_is_judged_with_both_folders(company, keys, tmp_path):
    """Containers hand secrets over so. Whoever may change the link could choose another file."""
    real = tmp_path / "secrets"
    real.mkdir(mode=0o700)
    for name in ("identity.key", "trust.json"):
        (keys / name).rename(real / name)
        (keys / name).symlink_to(real / name)
    loads(company)
    real.chmod(0o777)
    assert f"chmod go-w {real}" in company.run("plan", code=3).stderr
    real.chmod(0o700)
    keys.chmod(0o777)
    assert f"chmod go-w {keys}" in company.run("plan", code=3).stderr


def test_each_of_the_files_is_judged_as_it_was_opened(tmp_path):
    folder = tmp_path / "keys"
    key, trust, signed = folder / "me.key", folder / "trust.json", folder / "signed.json"
    keyfile.create(key, Identity.generate("me"))
    for path in (trust, signed):
        path.write_text("{}")
        path.chmod(0o600)
    reads = {key: keyfile.read_private, trust: pin.every, signed: remembered_definitions.load}
    for path, read in reads.items():
        for mode, says in ((0o604, "may read"), (0o620, "may (read|change)"), (0o602, "may (read|change)")):
            path.chmod(mode)
            if path == key or mode & 0o022:
                with pytest.raises(IdentityError, match=says) as caught:
                    read(path)
                assert f"chmod 600 {path}" in caught.value.fix
        path.unlink()
        os.mkfifo(path, 0o600)
        with pytest.raises(IdentityError, match="is not a file"):
            read(path)
        path.unlink()
        path.mkdir(mode=0o700)
        with pytest.raises(IdentityError, match="is not a file"):
            read(path)


def test_files_of_another_user_are_refused(company, keys):
    """As root they are given to a stranger; an ordinary user, who cannot give away, tries root's."""
    if not ROOT:
        with pytest.raises(IdentityError, match="the key file belongs to another user"):
            keyfile.read_private(Path("/etc/passwd"))
        return
    for name, says in (("identity.key", "the key file"), ("trust.json", "the trust file")):
        os.chown(keys / name, STRANGER, STRANGER)
        assert f"{says} belongs to another user" in company.run("plan", code=3).stderr
        os.chown(keys / name, 0, 0)
    os.chown(keys, STRANGER, STRANGER)
    assert "others may write to the folder of the key file" in company.run("plan", code=3).stderr
    os.chown(keys, 0, 0)
    (keys / "signed.json").write_text('{"format": "kronkers-batch signed 1", "warehouses": {}}')
    (keys / "signed.json").chmod(0o600)
    loads(company)
    os.chown(keys / "signed.json", STRANGER, STRANGER)
    assert "belongs to another user" in company.run("plan", code=3).stderr


def test_pins_that_are_added_at_once_are_all_there(tmp_path):
    identity = Identity.generate("admin")
    path = tmp_path / "keys/trust.json"
    pins = [pin.Pin(f"{n:026d}", identity.id, identity.public) for n in range(24)]
    threads = [threading.Thread(target=pin.add, args=(path, one)) for one in pins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.warehouse for found in pin.every(path)] == [one.warehouse for one in pins]
