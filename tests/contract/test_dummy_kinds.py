"""A new file is a new kind: a task, a language and a database that only tests have go from YAML to scores.

Nothing but the files of `dummies/` says what they are; the program and its lists are not touched.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kronkers_batch.config import databases as addresses
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.families import Family
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes.languages import BUILDERS
from kronkers_batch.store.databases import DATABASES
from tests.contract import databases, tasks
from tests.contract.conftest import models_of
from tests.e2e.company import Project

DUMMIES = Path(__file__).parent / "dummies"
FOLDERS = {
    "kronkers_batch.learning": "learning",
    "kronkers_batch.config.languages": "languages",
    "kronkers_batch.runtimes.languages": "starting",
    "kronkers_batch.store.databases": "databases",
}
MODEL = """\
department: sales
owner: Ann
description: How many
task: dummy
language: dummy
data: numpy
code: models/counts/model.py
source: visits
features: [x]
target: id
window: {train: 10d, holdout: 3d, score: 1d, label_delay: 1d}
thresholds:
  training: {off: {max: 1000}}
"""
CODE = """\
def fit(data, params):
    return float(data["id"].mean())


def score(model, data):
    return data["x"] * 0 + model
"""


@pytest.fixture
def dummies(monkeypatch, tmp_path) -> Iterator[None]:
    for package, folder in FOLDERS.items():
        module = importlib.import_module(package)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(DUMMIES / folder)])
    monkeypatch.setattr(addresses, "IN_FILES", (*addresses.IN_FILES, "dummy"))
    worker = tmp_path / "worker"
    worker.mkdir(mode=0o755)
    importlib.import_module("kronkers_batch.runtimes.languages.dummy").FOLDER = worker
    yield
    for package in FOLDERS:
        sys.modules.pop(f"{package}.dummy", None)


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "company")
    made.make()
    for group, names in (("source", ["buys_scores", "visits_scored"]), ("model", ["buys", "spends"])):
        for name in names:
            (made.folder / f"conf/{group}/{name}.yaml").unlink()
    made.edit("conf/warehouse/sqlite.yaml", "url: sqlite:", "url: dummy:")
    made.write("conf/model/counts.yaml", MODEL)
    made.write("models/counts/model.py", CODE)
    return made


def test_a_task_a_language_and_a_database_are_used_by_being_there(dummies, project):
    (found,) = project.json("run")["models"]
    assert found["state"] == "published", found
    rows = project.rows("read", "counts", "--date", "2024-01-20")
    assert len(rows) == 40
    assert len({row["count"] for row in rows}) == 1
    with project.opened() as services:
        assert services.db.where.endswith("var/warehouse.db")
        assert services.db.backend.__class__ is DATABASES["dummy"]
        assert services.config.models["counts"].task is TASKS["dummy"]
    shown = project.run("show", "counts@1").stdout
    assert "off" in shown
    assert "skill" in shown
    assert {part["part"] for part in project.json("doctor")} >= set(LANGUAGES)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("off: {max: 1000}", "rmse: {max: 1}", "there is no metric 'rmse'"),
        ("off: {max: 1000}", "off: {max: -1}", "off is never -1"),
        ("target: id", "target: y", "the target 'y' is boolean, and the task dummy cannot predict this type"),
        ("data: numpy", "environment: {venv: x}", "'venv' is not for the language dummy"),
        ("task: dummy", "task: dumy", "dummy"),
        ("language: dummy", "language: dumy", "dummy"),
    ],
)
def test_what_a_kind_does_not_allow_is_refused_with_file_and_line(dummies, project, old, new, said):
    project.edit("conf/model/counts.yaml", old, new)
    printed = project.run("check", code=2)
    assert said in printed.stdout + printed.stderr
    assert "conf/model/counts.yaml:" in printed.stdout + printed.stderr


def test_no_source_leads_to_a_database_of_a_new_kind_that_is_a_file(dummies, project):
    project.edit("conf/source/visits.yaml", "path: data/visits.csv", "path: var/warehouse.db")
    printed = project.run("check", code=2)
    assert "conf/source/visits.yaml:" in printed.stdout + printed.stderr
    url = f"dummy:///{project.folder}/var/warehouse.db"
    assert addresses.file_of(url) == f"{project.folder}/var/warehouse.db"


def test_without_their_files_they_are_unknown(project):
    printed = project.run("check", code=2)
    assert f"allowed: {', '.join(TASKS)}" in printed.stderr
    assert "allowed: julia, python, r" in printed.stderr
    assert "2 problems" in printed.stderr


def test_a_kind_without_a_case_of_the_suites_turns_them_red(dummies):
    for made in (databases.made, models_of, tasks.cases):
        with pytest.raises(ModuleNotFoundError):
            made("dummy")


@pytest.mark.parametrize(
    "family", [TASKS, LANGUAGES, BUILDERS, DATABASES], ids=lambda family: family._package
)
def test_a_kind_is_called_as_its_file(family: Family):
    for name in tuple(family):
        assert getattr(family[name], "name", name) == name
    with pytest.raises(KeyError):
        family["__init__"]


def test_a_file_that_begins_with_an_underscore_is_no_kind(monkeypatch, tmp_path):
    (tmp_path / "_helper.py").touch()
    (tmp_path / "another.py").touch()
    module, known = importlib.import_module("kronkers_batch.learning"), set(TASKS)
    monkeypatch.setattr(module, "__path__", [*module.__path__, str(tmp_path)])
    assert set(TASKS) == {"another", *known}


def test_what_is_declared_of_a_language_and_how_it_starts_belong_together():
    assert tuple(LANGUAGES) == tuple(BUILDERS)
    assert set(addresses.IN_FILES) <= set(DATABASES)


def test_where_to_add_names_files_that_are_there():
    """In CONTRIBUTING.md, with NAME for a kind of each family."""
    root = Path(__file__).parents[2]
    text = (root / "CONTRIBUTING.md").read_text()
    families = {"A task": TASKS, "A language": LANGUAGES, "A database": DATABASES}
    for first, family in families.items():
        paragraph = re.search(rf"^\*\*{first}\*\*.*?\n\n", text, re.M | re.S)
        assert paragraph, first
        named = re.findall(r"`([a-z_/]+/[A-Za-z_]*NAME\.py)`", paragraph[0])
        assert len(named) >= 2, first
        for path in named:
            base = root if path.startswith("tests/") else root / "kronkers_batch"
            for name in tuple(family):
                assert (base / path.replace("NAME", name)).is_file(), (path, name)
