"""All that lies in a model's folder is part of its version, in each language; ``check`` tries just that."""

from __future__ import annotations

import pytest

from tests.contract.conftest import models_of
from tests.e2e import lab
from tests.e2e.company import Project

MODELS = {
    "python": """\
from pathlib import Path

from helpers.prices import factor

TABLE = Path(__file__).with_name("lookup.csv").read_text().split()


def fit(data, params):
    open("written", "w").write("anything")
    return float(data["amount"].mean())


def score(model, data):
    with open("lookup.csv") as table:
        assert table.read().split() == TABLE
    return [model * factor() * float(TABLE[1])] * len(data)
""",
    "r": """\
source("helpers/prices.R")
table <- read.csv("lookup.csv")
fit <- function(data, params) {
    writeLines("anything", "written")
    mean(data$amount)
}
score <- function(model, data) {
    stopifnot(identical(read.csv("lookup.csv"), table))
    rep(model * factor_of() * table$price[1], nrow(data))
}
""",
    "julia": """\
include("helpers/prices.jl")
const TABLE = parse(Float64, readlines(joinpath(@__DIR__, "lookup.csv"))[2])
function fit(data, params)
    write("written", "anything")
    return sum(data.amount) / length(data.amount)
end
function score(model, data)
    table = parse(Float64, readlines("lookup.csv")[2])
    return fill(model * factor() * table, length(data.a))
end
""",
}
PLAIN = "def fit(d, p): return 1\ndef score(m, d): return d['a']\n"
HELPERS = {
    "python": ("prices.py", "def factor():\n    return 2.0\n"),
    "r": ("prices.R", "factor_of <- function() 2.0\n"),
    "julia": ("prices.jl", "factor() = 2.0\n"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    project = lab.project_of(tmp_path_factory.mktemp("kept"))
    for language, code in MODELS.items():
        lab.add(project, language, language, code)
        main = f"models/{language}/model{models_of(language).SUFFIX}"
        project.edit(f"conf/model/{language}.yaml", f"code: {main}", f"code: models/{language}")
        name, text = HELPERS[language]
        project.write(f"models/{language}/helpers/{name}", text)
        project.write(f"models/{language}/lookup.csv", "price\n0.5\n")
        project.write(f"models/{language}/.env", "a secret of nobody's business\n")
    return project


def test_a_folder_is_found_kept_and_part_of_the_definition(project):
    project.run("check")
    assert project.states("--date", "2024-01-20") == dict.fromkeys(MODELS, "published")
    means = {name: lab.scores(project, name, "2024-01-20")[0] for name in MODELS}
    assert len({round(mean, 9) for mean in means.values()}) == 1
    # The folder is emptied: the champion scores as before.
    for language, (name, _) in HELPERS.items():
        (project.folder / f"models/{language}/lookup.csv").unlink()
        (project.folder / f"models/{language}/helpers/{name}").unlink()
    assert set(lab.told(project, "--date", "2024-01-21", code=1)) == set(MODELS)
    for name, mean in means.items():
        assert set(lab.scores(project, name, "2024-01-21")) == {mean}
    # The code file in place of its folder is the same definition. What is changed of the folder is another
    # one, layout and comments of code apart.
    for language, (name, text) in HELPERS.items():
        project.write(f"models/{language}/helpers/{name}", f"\n# A word.\n{text}")
        project.write(f"models/{language}/lookup.csv", "price\n0.25\n")
        main = f"models/{language}/model{models_of(language).SUFFIX}"
        project.edit(f"conf/model/{language}.yaml", f"code: models/{language}", f"code: {main}")
    plan = project.json("plan", "--date", "2024-01-22")["tasks"]
    reasons = {t["subject"]: t["reason"] for t in plan if t["task"] == "train"}
    assert reasons == dict.fromkeys(MODELS, "definition changed: files.lookup.csv: changed")


def test_check_tries_what_a_version_will_hold(project):
    """Not what lies elsewhere, is hidden, or is another model's code."""
    lab.add(project, "other", "python", MODELS["python"])
    project.write("models/other/lookup.csv", "price\n0.5\n")
    project.write("models/other/.hidden/helpers/prices.py", HELPERS["python"][1])
    project.edit("conf/model/other.yaml", "language: python", "language: python\nenabled: true")
    said = project.run("check", code=2).stderr
    assert "No module named 'helpers'" in said
    assert "conf/model/other.yaml:7: code" in said
    project.write("models/other/helpers/prices.py", HELPERS["python"][1])
    project.run("check")
    # A folder that holds another model's code is that model's.
    lab.add(project, "inner", "python", PLAIN)
    project.write(
        "models/other/helpers/model.py", "def fit(d, p): return 1\ndef score(m, d): return d['a']\n"
    )
    project.edit("conf/model/inner.yaml", "models/inner/model.py", "models/other/helpers/model.py")
    assert "No module named 'helpers'" in project.run("check", code=2).stderr


def test_more_than_a_version_can_keep_is_refused(project):
    lab.add(project, "large", "python", PLAIN)
    for number in range(501):
        project.write(f"models/large/data/{number}", "x")
    said = project.run("check", code=2).stderr
    assert (
        "more than 500 files lie in the folder of the model's code, and each version keeps all of them"
        in said
    )
    assert "move the code to a folder that holds only" in said


def test_hidden_files_environments_and_declared_data_are_not_kept(tmp_path):
    """What no version keeps changes no definition; what it keeps does."""
    project = lab.project_of(tmp_path)
    lab.add(project, "m", "python", PLAIN)
    project.write("models/m/table.csv", "x\n1\n")
    project.write("conf/source/table.yaml", TABLE)
    project.run("run", "--date", "2024-01-20")
    for name in (".env", ".git/config", "__pycache__/model.cpython-311.pyc", "venv/pyvenv.cfg", "venv/x.py"):
        project.write(f"models/m/{name}", "anything")
    project.write("models/m/renv.lock", "{}")
    project.write("models/m/renv/library/x/R/x", "anything")
    project.write("models/m/table.csv", "x\n2\n")
    (project.folder / "models/m/gone").symlink_to("nowhere")
    plan = project.json("plan", "--date", "2024-01-20")["tasks"]
    assert [t["reason"] for t in plan if t["task"] == "train"] == [
        "definition changed: files.renv.lock: added"
    ]


TABLE = """\
department: sales
description: A table that lies beside a model's code
kind: csv
path: models/m/table.csv
columns: {x: integer}
key: [x]
"""
