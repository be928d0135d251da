"""The digest of an environment's files: what changes it, and when it is remembered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import ConfigError, MissingPart
from kronkers_batch.runtimes import contents
from kronkers_batch.runtimes.contents import contents_by_path, environment_contents
from kronkers_batch.store.cache import ContentCache


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The only package of a library, with a file of code."""
    folder = tmp_path / "library" / "mine"
    (folder / "R").mkdir(parents=True)
    (folder / "DESCRIPTION").write_text("Package: mine\nVersion: 1\nBuilt: R 4.2.2; ; ; unix\n")
    (folder / "R" / "mine").write_text("code 1")
    (folder / "link").symlink_to("R/mine")
    return folder


def digest(package: Path, cache: ContentCache | None = None) -> str:
    environment = Environment(library=str(package.parent))
    return environment_contents(
        LANGUAGES["r"], environment, cache or ContentCache(package.parents[1] / "none")
    )


def test_every_change_of_a_file_changes_it(package):
    seen = [digest(package)]
    assert digest(package) == seen[0]

    def changed(work) -> bool:
        work()
        seen.append(digest(package))
        return seen[-1] not in seen[:-1]

    code = package / "R" / "mine"
    assert changed(lambda: code.write_text("code 2"))
    assert changed(lambda: (package / "new").write_text(""))
    assert changed(lambda: (package / "new").rename(package / "other"))
    assert changed(lambda: (package / "R" / "__pycache__").mkdir())
    assert changed(lambda: ((package / "link").unlink(), (package / "link").symlink_to("R")))
    assert changed(lambda: ((package / "link").unlink(), (package / "link").write_text("R")))
    code.touch()
    assert digest(package) == seen[-1]  # the time alone does not


def test_it_is_of_what_lies_there_not_of_where(package, tmp_path):
    first = digest(package)
    (tmp_path / "library").rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "library")
    assert digest(package) == first
    other = tmp_path / "copy" / "library"
    other.parent.mkdir()
    os.rename(tmp_path / "library", other)
    assert digest(other / "mine") == first


def test_the_machines_own_environment_has_none(tmp_path):
    for language in LANGUAGES.values():
        assert environment_contents(language, Environment(), ContentCache(tmp_path)) == ""


def test_an_environment_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MissingPart):
        environment_contents(
            LANGUAGES["r"], Environment(library=str(tmp_path / "none")), ContentCache(tmp_path)
        )


def test_it_is_remembered_for_files_whose_times_are_old_enough(package, tmp_path, monkeypatch):
    cache = ContentCache(tmp_path / "cache")
    first = digest(package, cache)
    assert not (tmp_path / "cache").exists()  # too young
    monkeypatch.setattr(contents, "QUIET", -10)
    monkeypatch.setattr(contents, "_trusted_devices", lambda: {package.stat().st_dev})
    assert digest(package, cache) == first
    assert (tmp_path / "cache").exists()
    with monkeypatch.context() as patched:
        patched.setattr(contents, "_digest", lambda _entries: "read again")
        assert digest(package, cache) == first
        code = package / "R" / "mine"
        before = code.stat()
        code.write_text("code 9")  # of the same size, and its time set back
        os.utime(code, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert digest(package, cache) == "read again"
    monkeypatch.setattr(contents, "_trusted_devices", set)
    other = ContentCache(tmp_path / "other")
    digest(package, other)
    assert not (tmp_path / "other").exists()  # a file system whose times say little


def test_this_machines_file_systems_are_told_apart():
    trusted = contents._trusted_devices()
    assert Path("/proc").stat().st_dev not in trusted
    assert Path("/dev/shm").stat().st_dev not in trusted


def test_files_of_any_size_that_take_no_room_are_not_read(package):
    with (package / "R" / "sparse").open("wb") as file:
        file.truncate(2**42)
    with pytest.raises(ConfigError, match="more than 100 GiB"):
        digest(package)


def test_files_that_change_while_they_are_read_are_an_error(package, monkeypatch):
    """As when a folder above them is exchanged for another one after they were listed."""
    listed = contents._listed

    def exchanged(path: Path, name: str):
        found = list(listed(path, name))
        code = package / "R" / "mine"
        code.unlink()
        code.write_text("others' code")
        return iter(found)

    monkeypatch.setattr(contents, "_listed", exchanged)
    with pytest.raises(ConfigError, match="changed while the program read them"):
        digest(package)


# ---------------------------------------------------------------- packages by path


def test_a_package_by_path_counts_by_its_files_without_those_that_languages_make(tmp_path):
    """Of a line of a .pth file: modules and packages, each by itself."""
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    shared = tmp_path / "shared"
    for folder in (site, tmp_path / "venv" / "bin", shared / "churnlib"):
        folder.mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to("/usr/bin/env")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (site / "ours.pth").write_text(f"{shared}\n")
    (shared / "churnlib" / "__init__.py").write_text("FACTOR = 2\n")
    (shared / "single.py").write_text("x = 1\n")

    def found() -> dict[str, str]:
        environment = Environment(venv=str(tmp_path / "venv"))
        return contents_by_path(LANGUAGES["python"], environment, ContentCache(tmp_path / "none"))

    first = found()
    assert set(first) == {"churnlib", "single"}
    made = shared / "churnlib" / "__pycache__"
    made.mkdir()
    (made / "__init__.cpython-311.pyc").write_bytes(b"compiled")
    assert found() == first
    (shared / "churnlib" / "__init__.py").write_text("FACTOR = 4\n")
    assert {name for name, digest in found().items() if first[name] != digest} == {"churnlib"}


def test_the_packages_of_a_library_are_by_path(package):
    environment = Environment(library=str(package.parent))
    first = contents_by_path(LANGUAGES["r"], environment, ContentCache(package.parents[1] / "none"))
    assert list(first) == ["mine"]
    (package / "R" / "mine").write_text("code 2")
    assert contents_by_path(LANGUAGES["r"], environment, ContentCache(package.parents[1] / "none")) != first
