"""Files of environments that the service reads by itself: pipes, devices and files of any size."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.opening import PathRefused, read_text
from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import KronkersError
from kronkers_batch.runtimes.languages import LARGEST_TEXT, bytes_of, command_of, environment_fingerprint

FILES = {
    "DESCRIPTION": LANGUAGES["r"],
    "renv.lock": LANGUAGES["r"],
    "Project.toml": LANGUAGES["julia"],
    "Manifest.toml": LANGUAGES["julia"],
    "pyvenv.cfg": LANGUAGES["python"],
    "lib/python3.11/site-packages/a.pth": LANGUAGES["python"],
    "requirements.txt": LANGUAGES["python"],
}


def environment(folder: Path, name: str) -> tuple[Environment, Path]:
    """One with everything but this file, and where this file lies."""
    lying = {
        "DESCRIPTION": folder / "library" / "a" / name,
        "renv.lock": folder / "project" / name,
        "requirements.txt": folder / name,
    }
    file = lying.get(name, folder / "own" / name)
    file.parent.mkdir(parents=True, exist_ok=True)
    own = folder / "own"
    match str(FILES[name]):
        case "r" if name == "DESCRIPTION":
            return Environment(library=str(folder / "library")), file
        case "r":
            (folder / "project/renv/library/R-4.2/x").mkdir(parents=True)
            return Environment(renv=str(folder / "project")), file
        case "julia":
            (own / "Project.toml").write_text('[deps]\nA = "u"\n')
            return Environment(project=str(own)), file
        case _:
            (own / "bin").mkdir(parents=True)
            python = Path(os.path.realpath("/proc/self/exe"))
            (own / "bin" / "python").symlink_to(python)
            (own / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
            return Environment(venv=str(own)), file


def pipe(file: Path) -> None:
    os.mkfifo(file)


def device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def sparse(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(2**40)


@pytest.fixture
def little_memory():
    """A gigabyte more than there is, so that a flaw ends in an error and not with the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", [pipe, device, sparse], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_or_too_large_neither_hangs_the_service_nor_takes_its_memory(
    tmp_path, little_memory, name, kind
):
    declared, file = environment(tmp_path, name)
    file.unlink(missing_ok=True)
    kind(file)
    for ask in (
        lambda: command_of(FILES[name], declared, 1).argv,
        lambda: environment_fingerprint(FILES[name], declared),
    ):
        try:
            assert ask() is not None
        except KronkersError:
            continue


def test_the_largest_text_is_read_and_not_one_byte_more(tmp_path):
    file = tmp_path / "lock"
    with file.open("wb") as opened:
        opened.truncate(LARGEST_TEXT)
    assert len(bytes_of(file)) == LARGEST_TEXT
    with file.open("ab") as opened:
        opened.write(b"x")
    with pytest.raises(KronkersError, match="larger than 64 MiB"):
        bytes_of(file)
    assert bytes_of(file, 10) == bytes(10)


def test_a_packages_name_in_a_manifest_leads_to_no_token(tmp_path, monkeypatch):
    """The folder of packages, one up: the depot, where the tokens of package servers lie."""
    depot, project = tmp_path / "depot", tmp_path / "project"
    for folder in (depot / "packages", depot / "servers", project):
        folder.mkdir(parents=True)
    (project / "Project.toml").write_text("")
    (project / "Manifest.toml").write_text('[[".."]]\nversion = "1"\n')
    monkeypatch.setenv("JULIA_DEPOT_PATH", str(depot))
    with pytest.raises(KronkersError, match="not a valid Manifest"):
        command_of(LANGUAGES["julia"], Environment(project=str(project)), 1)


def test_code_that_is_too_large_is_refused(tmp_path):
    code = tmp_path / "model.py"
    sparse(code)
    with pytest.raises(PathRefused, match="larger than 16 MiB"):
        read_text(code, Places.machine(), code=True)
