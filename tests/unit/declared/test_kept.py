"""What a version can keep of a folder of code, and that it is refused before a byte of it is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kronkers_batch.config import opening
from kronkers_batch.config.load import load
from kronkers_batch.config.places import Places
from kronkers_batch.declared import kept
from kronkers_batch.errors import ConfigErrors, ModelError
from kronkers_batch.runtimes.worker_spec import KeptCode
from kronkers_batch.session.known import Neighbours
from tests.benchmarks import many_models

CODE = "def fit(data, params): return 1\ndef score(model, data): return data['x0'] * 0.0\n"


class Desk:
    """A project with a model in ``models/desk``, of which the folder or the code file is declared."""

    def __init__(self, folder: Path) -> None:
        self.project, self.folder = folder, folder / "models/desk"
        many_models.begin(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "model.py").write_text(CODE)
        (self.folder / "prices.csv").write_text("price\n1\n")
        self.declare("models/desk")

    def declare(self, code: str, language: str = "python") -> None:
        many_models.model(self.project, "desk", language, f"code: {code}")

    def kept(self) -> KeptCode:
        config = load(self.project / "conf", (), {"HOME": str(self.project / "home")})
        found = kept.kept_code(config.models["desk"], Places.of(config, {}), Neighbours.of(config))
        assert found is not None
        return found

    def refused(self) -> str:
        with pytest.raises(ModelError) as caught:
            self.kept()
        return f"{caught.value.what} -> {caught.value.fix}"

    def problem(self) -> str:
        with pytest.raises(ConfigErrors) as caught:
            self.kept()
        (problem,) = caught.value.problems
        return f"{problem.where}: {problem.what} -> {problem.fix}"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # What lies in /tmp is nobody's: here the folders of tests do.
    return Desk(tmp_path / "project")


def test_the_folder_and_its_code_file_are_the_same_version(desk: Desk) -> None:
    (desk.folder / "inner").mkdir()
    (desk.folder / "inner/words.txt").write_text("a")
    (desk.folder / "same.csv").symlink_to("prices.csv")
    for left_out in (
        ".git/config",
        ".Rproj.user/x",
        "__pycache__/model.cpython-311.pyc",
        "model.py~",
        ".RData",
    ):
        path = desk.folder / left_out
        path.parent.mkdir(exist_ok=True)
        path.write_text("anything")
    folder = desk.kept()
    desk.declare("models/desk/model.py")
    assert desk.kept() == folder
    assert sorted(folder.files) == ["inner/words.txt", "prices.csv", "same.csv"]
    assert folder.text == CODE


def link_out(desk: Desk) -> None:
    (desk.project / "elsewhere.csv").write_text("x")
    (desk.folder / "more.csv").symlink_to(desk.project / "elsewhere.csv")


def main_links_out(desk: Desk) -> None:
    (desk.folder / "model.py").rename(desk.project / "elsewhere.py")
    (desk.folder / "model.py").symlink_to(desk.project / "elsewhere.py")


def link_to_folder(desk: Desk) -> None:
    (desk.project / "shared").mkdir()
    (desk.folder / "shared").symlink_to(desk.project / "shared")


def sparse(desk: Desk) -> None:
    with (desk.folder / "large.bin").open("wb") as file:
        file.truncate(2**30)


def latin(desk: Desk) -> None:
    with Path(os.fsdecode(os.fsencode(desk.folder) + b"/caf\xe9.csv")).open("w") as file:
        file.write("x")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (link_out, "a link that leads out of the folder"),
        (main_links_out, "a link that leads out of the folder"),
        (link_to_folder, "a link to a folder"),
        (lambda desk: (desk.folder / "gone").symlink_to("nowhere"), "a link that leads nowhere"),
        (lambda desk: os.mkfifo(desk.folder / "pipe"), "a pipe, a socket or a device"),
        (sparse, "more than 64 MiB of files lie in the folder of the model's code, and each version keeps "
         "all of them; the largest is large.bin"),
        (latin, "a name that is not UTF-8"),
    ],
)  # fmt: skip
def test_what_no_version_can_keep_is_refused_unread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, make: Callable[[Desk], object], said: str
) -> None:
    make(desk)
    read: list[Path] = []
    real = opening.read_bytes
    monkeypatch.setattr(opening, "read_bytes", lambda path, *a, **k: read.append(path) or real(path, *a, **k))
    assert said in desk.refused()
    assert read == []


def test_a_folder_that_cannot_be_listed_is_not_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In neither form: what is in it would be missing without a word. Root may list all: it is simulated."""
    (desk.folder / "inner").mkdir()
    real = os.scandir

    def closed(path: object = ".") -> object:
        if str(path).endswith("/inner"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", closed)
    for code in ("models/desk", "models/desk/model.py"):
        desk.declare(code)
        assert "a folder beside the model's code cannot be read: Permission denied" in desk.refused()


def test_files_that_change_while_they_are_read_are_one_state_or_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout in between: the version has the files before it or after it, and no mixture."""
    real, writes = opening.read_bytes, [0]

    def changing(path: Path, *args: object, **more: object) -> bytes:
        found = real(path, *args, **more)  # type: ignore[arg-type]
        if writes[0]:
            writes[0] -= 1
            (desk.folder / "model.py").write_text(f"{CODE}# {writes[0]}\n")
        return found

    monkeypatch.setattr(opening, "read_bytes", changing)
    writes[0] = 1
    assert desk.kept().text == f"{CODE}# 0\n"
    writes[0] = 100
    assert "the files of the model changed while the program read them" in desk.refused()


def test_the_main_file_is_the_one_called_model(desk: Desk) -> None:
    (desk.folder / "model.R").write_text("fit <- 1")  # of another language, and so a file like any other
    assert "model.R" in desk.kept().files
    desk.declare("models/desk", "r")
    assert desk.kept().path.name == "model.R"
    (desk.folder / "model.r").write_text("fit <- 1")
    assert "the folder has several main files: model.R, model.r -> keep one of them" in desk.problem()
    desk.declare("models/desk", "julia")
    assert "conf/model/desk.yaml:" in desk.problem()
    assert "code: the folder has no model.jl -> call the file with fit and score model.jl" in desk.problem()
    desk.declare("[model.py, prices.csv]")
    assert "found a list of files -> put the files into one folder" in desk.problem()


def test_the_projects_own_folder_is_no_models(desk: Desk) -> None:
    (desk.project / "model.py").write_text(CODE)
    desk.declare(str(desk.project))
    assert "this folder cannot be a model's" in desk.refused()
    desk.declare(str(desk.project / "model.py"))
    assert desk.kept().files == {}
