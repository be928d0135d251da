"""A project of small models in any language, over one source of orders."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from tests.contract.conftest import models_of
from tests.e2e.company import FILES, ROOT, Project
from tests.e2e.test_three_languages import SOURCE, orders

MODEL = """\
department: sales
owner: Ann
description: {name}
task: regression
language: {language}
code: {code}
source: orders
features: {{a: float, colour: category}}
target: amount
window: {{train: 10d, holdout: 3d, score: 1d, label_delay: 1d}}
"""


def project_of(folder: Path) -> Project:
    """A project with its source, and without models."""
    project = Project(folder / "lab")
    for name in ("conf/config.yaml", "conf/department/sales.yaml"):
        project.write(name, FILES[name])
    project.write("conf/source/orders.yaml", SOURCE)
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(ROOT / "conf" / group, project.folder / "conf" / group)
    (project.folder / "data").mkdir()
    orders().write_csv(project.folder / "data/orders.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    project.home.mkdir()
    return project


def add(project: Project, name: str, language: str, code: str, more: str = "") -> None:
    """Declares a model with its code in a folder of its own."""
    path = f"models/{name}/model{models_of(language).SUFFIX}"
    project.write(path, code)
    project.write(f"conf/model/{name}.yaml", MODEL.format(name=name, language=language, code=path) + more)


def told(project: Project, *words: str, code: int = 0) -> dict[str, str]:
    """What a run says of each model."""
    return {m["model"]: m["message"] for m in project.json("run", *words, code=code)["models"]}


def scores(project: Project, name: str, date: str) -> pl.Series:
    return pl.DataFrame(project.rows("read", name, "--date", date))["score"]
