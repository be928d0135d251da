"""A champion is proven each time it is opened: what changed under it holds the output, or is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.bootstrap import open_system
from kronkers_batch.pipeline.golden import unpacked
from kronkers_batch.registry.training import Golden, Training
from tests.contract.conftest import models_of
from tests.contract.models_r import install_package
from tests.e2e import lab

CODE = {
    "python": "import kbown\n\ndef fit(data, params):\n    return 2.0\n\n"
    "def score(model, data):\n    return data['a'] * model * kbown.answer()\n",
    "r": "library(kbown)\nfit <- function(data, params) 2\n"
    "score <- function(model, data) data$a * model * answer()\n",
    "julia": "using kbown\nfit(data, params) = 2.0\nscore(model, data) = data.a .* model .* kbown.answer()\n",
}
KEY = {"python": "venv", "r": "library", "julia": "project"}


def package(language: str, folder: Path, answer: str) -> None:
    """Writes the package anew, where it lies outside of the environment."""
    cache = folder / "cache"
    if language == "r":
        shutil.rmtree(folder / "cache-source")
        install_package(cache, "kbown", {"answer": f"function() {answer}"})
    elif language == "python":
        (cache / "kbown/__init__.py").write_text(
            f"__version__ = '1.2.3'\ndef answer():\n    return {answer}\n"
        )
    else:
        (cache / "kbown/src/kbown.jl").write_text(f"module kbown\nanswer() = {answer}\nend\n")


@pytest.mark.parametrize("language", list(CODE))
def test_a_package_by_path_that_changes_under_a_champion(tmp_path, language, monkeypatch):
    folder = tmp_path / "own"
    folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    environment, variables = models_of(language).own_environment(folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    project = lab.project_of(tmp_path)
    path = getattr(environment, KEY[language])
    more = f"environment: {{{KEY[language]}: {path}}}\n" + ("data: numpy\n" if language == "python" else "")
    lab.add(project, "m", language, CODE[language], more)
    assert "published (60 rows)" in lab.told(project, "--date", "2024-01-19")["m"]
    before = lab.scores(project, "m", "2024-01-19")
    # Another text of the same meaning trains nothing, is published, and is told.
    package(language, folder, "40 + 2")
    assert ("train", "m") not in project.plan("--date", "2024-01-20")
    said = lab.told(project, "--date", "2024-01-20")["m"]
    assert (
        "since m@1 was trained: the files of kbown (changed); its golden rows still get the same scores"
        in said
    )
    # Another meaning is held, and nothing is published.
    package(language, folder, "43")
    assert ("train", "m") not in project.plan("--date", "2024-01-21")
    said = lab.told(project, "--date", "2024-01-21", code=1)["m"]
    assert "m@1 no longer gives its golden rows the scores that they had when it was trained" in said
    assert "changed since training: the files of kbown (changed)" in said
    assert "kronkers train m --force" in said
    project.run("read", "m", "--date", "2024-01-21", code=2)
    assert len(before) == 60


PLAIN = "def fit(data, params):\n    return 2.0\n\ndef score(model, data):\n    return data['a'] * model\n"
RANK = PLAIN.replace("data['a'] * model", "data['a'].rank() * model")


@pytest.fixture
def services(tmp_path, monkeypatch):
    """A project with a model that scores row by row, and one that must see all rows, both trained."""
    project = lab.project_of(tmp_path)
    lab.add(project, "plain", "python", PLAIN)
    lab.add(project, "rank", "python", RANK, "rows: whole\n")
    project.run("run", "--date", "2024-01-19")
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    opened = open_system(project.folder / "conf")
    yield project, opened
    opened.close()


def older(training: Training, plus: float = 0.0) -> Training:
    """A training as an older program recorded it: golden rows scored among those of the holdout."""
    rows, scores = unpacked(training.golden.rows)[0]
    golden = pl.concat([rows, scores.rename({"score": "score:score"})], how="horizontal")
    return replace(
        training,
        fingerprint=training.fingerprint + "+again",
        golden=Golden.of(golden.with_columns(pl.col("score:score") + plus)),
        runtime={name: value for name, value in training.runtime.items() if not name.startswith("path:")},
    )


def again(services, name: str, plus: float = 0.0) -> None:
    """Makes a version of an older program the champion."""
    champion = services.registry.champion(name)
    version = services.registry.record(older(champion.training, plus), services.registry.artifact(champion))
    services.registry.promote(name, version.number, why="it is for the test")


def test_a_version_of_an_older_program_is_proven_by_what_it_has(services):
    project, opened = services
    again(opened, "plain")
    again(opened, "rank", plus=1.0)  # among others, these rows had other ranks
    said = lab.told(project, "--date", "2024-01-20")
    assert "published (60 rows) by " in said["plain"]
    assert (
        "rank@2 was trained before the program kept golden rows for models with rows: whole, so nothing"
        in said["rank"]
    )
    again(opened, "plain", plus=1.0)
    assert (
        "plain@3 no longer gives its golden rows"
        in lab.told(project, "--date", "2024-01-21", code=1)["plain"]
    )


def test_golden_rows_are_scored_also_where_nothing_changed(services):
    """By a model that must see all rows at once, too."""
    project, opened = services
    champion = opened.registry.champion("rank")
    changed = replace(
        champion.training,
        fingerprint="other",
        golden=Golden.of(champion.training.golden.rows.with_columns(pl.col("score:score") + 1)),
    )
    version = opened.registry.record(changed, opened.registry.artifact(champion))
    opened.registry.promote("rank", version.number, why="it is for the test")
    said = lab.told(project, "rank", "--date", "2024-01-20", code=1)["rank"]
    assert "no longer gives its golden rows" in said
    assert "the program knows of no change since training" in said
