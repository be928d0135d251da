"""Models that were fitted elsewhere: opened and proven in workers, recorded, measured and scored each night.

Each is fitted here by its language alone, as somebody would who has never heard of this program.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import polars as pl
import pytest

from kronkers_batch.access.as_declared import model_wanted
from tests.e2e import lab
from tests.e2e.company import ROOT, Project

DATE, NEXT, LATE = "2024-01-20", "2024-01-21", "2024-03-20"
MODEL = """\
department: sales
owner: Ann
description: {name}
task: {task}
language: {language}
artifact: models/{name}/fitted{ending}
golden: models/{name}/golden.csv
{how}
source: orders
features: {{a: float, colour: {{type: category, levels: [blue, green, red]}}}}
target: {target}
window: {{train: 10d, holdout: 3d, score: 1d, label_delay: 1d}}
retrain: {{every: 30d}}
"""
R = """\
d <- read.csv("data/orders.csv")
d <- d[!is.na(d$a) & d$colour != "", ]
d$colour <- factor(d$colour, levels = c("blue", "green", "red"))
d$paid <- d$paid == "true"
keep <- function(model, folder, type) {
    dir.create(folder, recursive = TRUE, showWarnings = FALSE)
    saveRDS(model, file.path(folder, "fitted.rds"))
    rows <- d[1:20, c("a", "colour")]
    rows$score <- predict(model, rows, type = type)
    write.csv(rows, file.path(folder, "golden.csv"), row.names = FALSE)
}
keep(lm(amount ~ a + colour, data = d), "models/in_r", "response")
keep(glm(paid ~ a + colour, data = d, family = binomial), "models/yes", "response")
keep(lm(amount ~ a, data = d), "newer", "response")
"""
JULIA = """\
using Serialization
serialize("models/in_julia/fitted.jls", (base = 10.0, slope = 2.0))
open("models/in_julia/golden.csv", "w") do file
    println(file, "a,colour,score")
    for i in 1:20
        println(file, i / 3, ",blue,", 10.0 + 2.0 * (i / 3))
    end
end
"""
MODELS = {
    "in_r": ("r", ".rds", "estimator: {function: stats::lm}", "regression", "amount"),
    "yes": (
        "r", ".rds", "estimator: {function: stats::glm, predict_arguments: {type: response}}", "binary",
        "paid",
    ),
    "in_python": (
        "python", ".joblib", "estimator: {_target_: sklearn.linear_model.Ridge}\ndata: numpy", "regression",
        "amount",
    ),
    "in_julia": ("julia", ".jls", "code: models/in_julia", "regression", "amount"),
}  # fmt: skip


def in_python(folder: Path) -> None:
    """A model of scikit-learn, in a file of joblib."""
    from sklearn.linear_model import Ridge

    rows = pl.read_csv(folder / "data/orders.csv").drop_nulls(["a", "amount"])
    model = Ridge().fit(rows.select("a").to_numpy(), rows["amount"].to_numpy())
    joblib.dump(model, folder / "models/in_python/fitted.joblib")
    some = rows.head(20).select("a")
    scores = pl.Series("score", model.predict(some.to_numpy()))
    some.with_columns(scores).write_csv(folder / "models/in_python/golden.csv")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = lab.project_of(tmp_path_factory.mktemp("imported"))
    for name, (language, ending, how, task, target) in MODELS.items():
        about = {"language": language, "ending": ending, "how": how, "task": task, "target": target}
        project.write(f"conf/model/{name}.yaml", MODEL.format(name=name, **about))
        (project.folder / f"models/{name}").mkdir(parents=True)
    path = project.folder / "conf/model/in_python.yaml"
    path.write_text(path.read_text().replace(", colour: {type: category, levels: [blue, green, red]}", ""))
    project.write("models/in_julia/model.jl", "score(model, data) = model.base .+ model.slope .* data.a\n")
    in_python(project.folder)
    for command, text in ((["Rscript", "-e"], R), (["julia", "-e"], JULIA)):
        subprocess.run([*command, text], cwd=project.folder, check=True)
    project.run("check")
    assert project.states("--date", DATE) == dict.fromkeys(MODELS, "published")
    return project


def test_an_imported_model_scores_as_it_did_where_it_was_fitted(project: Project) -> None:
    """By the artifact's own arithmetic, each night, in a version that is opened later; age trains nothing."""
    for date in (DATE, NEXT):
        if date == NEXT:
            assert project.states("--date", NEXT) == dict.fromkeys(MODELS, "published")
        orders = pl.read_csv(project.folder / "data/orders.csv", try_parse_dates=True)
        rows = orders.filter(pl.col("at").dt.date() == pl.lit(date).str.to_date())
        assert lab.scores(project, "in_julia", date).to_list() == pytest.approx(
            (10.0 + 2.0 * rows["a"]).to_list()
        )
    shown = project.json("show", "in_r@1")
    assert shown["rows"]["fit"] == 0
    assert shown["metrics"]["skill"] > 0.9
    assert project.json("show", "yes@1")["metrics"]["auc"] > 0.7
    with project.opened() as services:
        rows = services.registry.get("in_r", 1).training.golden.rows
        given = pl.read_csv(project.folder / "models/in_r/golden.csv")["score"]
        assert set(given.round(6)) <= set(rows["score:score"].round(6))
        signed = model_wanted(services, services.model("in_r")).fields
        artifact = (project.folder / "models/in_r/fitted.rds").read_bytes()
        assert signed["imported.artifact"] == hashlib.sha256(artifact).hexdigest()
    tasks = project.json("plan", "--date", LATE)["tasks"]
    assert [task for task in tasks if task["task"] == "train"] == []


def test_import_tries_a_file_before_it_replaces_another(project: Project) -> None:
    newer, there = project.folder / "newer", project.folder / "models/in_r/fitted.rds"
    before = there.read_bytes()
    refused = project.run("import", "in_r", str(newer / "fitted.rds"), "--date", NEXT, code=1)
    assert "gives 20 of its 20 golden rows other scores than the file" in refused.stderr
    assert "conf/model/in_r.yaml:7: golden" in refused.stderr
    assert there.read_bytes() == before
    words = ("import", "in_r", str(newer / "fitted.rds"), "--golden", str(newer / "golden.csv"))
    done = project.json(*words, "--date", NEXT)
    assert done["models"][0]["message"].startswith("in_r@2 promoted")
    assert there.read_bytes() == (newer / "fitted.rds").read_bytes()
    assert (
        project.json("versions", "in_r")[1]["why"] == "definition changed: artifact: changed; golden: changed"
    )
    assert "already trained" in project.run(*words, "--date", NEXT, code=2).stderr
    wrong = project.run("import", "in_python", str(newer / "fitted.rds"), code=2).stderr
    assert "the artifact is a file of R, and the language is python" in wrong
    lab.add(project, "fitted_here", "r", "fit <- function(data) 1\nscore <- function(model, data) data$a\n")
    said = project.run("import", "fitted_here", str(newer / "fitted.rds"), code=2).stderr
    assert "write into conf/model/fitted_here.yaml: artifact: models/fitted_here/fitted.rds" in said
    (project.folder / "conf/model/fitted_here.yaml").unlink()
    assert "name the model and the file" in project.run("import", "in_r", code=2).stderr
    said = project.run(*words[:-1], str(newer / "golden.parquet"), code=2).stderr
    assert "ends in .parquet, and the declared one in .csv" in said
    yaml = project.folder / "conf/model/in_r.yaml"
    text = yaml.read_text()
    yaml.write_text(text.replace("golden: models/in_r/golden.csv\n", ""))
    said = project.run(*words, code=2).stderr
    assert "in_r declares no golden rows" in said
    assert "write into conf/model/in_r.yaml: golden: models/in_r/golden.csv" in said
    # Where nothing but the file itself is in the way, it says so and leaves the one that works.
    yaml.write_text(text.replace("models/in_r/fitted.rds", "data/orders.csv/fitted.rds"))
    assert "the file cannot be written" in project.run(*words, code=1).stderr
    yaml.write_text(text)


EVIL = """\
class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch {place}",)


import joblib
joblib.dump(Evil(), "{file}")
"""


def test_what_is_wrong_with_a_file_is_told_with_its_line_and_runs_nowhere_else(project: Project) -> None:
    """By ``check``, and by a run of that model alone; a file that is a program runs in the sandbox."""
    python, r = (project.folder / f"models/{name}" for name in ("in_python/fitted.joblib", "in_r/fitted.rds"))
    usual = {path: path.read_bytes() for path in (python, r)}
    place = project.folder / "touched"

    def told(name: str) -> str:
        stderr = project.run("check", code=2).stderr
        assert f"conf/model/{name}.yaml:6: artifact" in stderr
        return stderr

    python.write_bytes(usual[r])
    assert "the artifact does not open: " in told("in_python")
    python.unlink()
    assert "the file does not exist" in told("in_python")
    assert "kronkers import in_python FILE" in project.run("check", code=2).stderr
    evil = EVIL.format(place=place, file=python)
    subprocess.run([sys.executable, "-c", evil], check=True, cwd=project.folder)
    assert "the artifact holds an object of type 'int', and not of 'Ridge'" in told("in_python")
    states = project.states("--date", "2024-01-22", code=1)
    assert states == {"in_r": "published", "yes": "published", "in_julia": "published", "in_python": "failed"}
    assert not place.exists()
    python.write_bytes(usual[python])
    # A logit in place of a probability is refused before any row is scored.
    yes = project.folder / "conf/model/yes.yaml"
    text = yes.read_text()
    yes.write_text(text.replace(", predict_arguments: {type: response}", ""))
    assert "without a type, predict gives what the model's link makes" in project.run("check", code=2).stderr
    yes.write_text(text)
    project.run("check")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_page_is_followed_word_by_word(tmp_path: Path) -> None:
    """With ranger, on the demonstration's data, by the commands that the page prints."""
    page = (ROOT / "docs/how-to/import-a-model.md").read_text()
    blocks = dict(re.findall(r"^```(r|yaml|console)\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    project = Project(tmp_path / "demo")
    for name in ("conf", "models"):
        shutil.copytree(ROOT / name, project.folder / name)
    project.home.mkdir()
    project.write("conf/model/late_forest.yaml", blocks["yaml"])
    chance = random.Random(1)
    rows = [
        (chance.randrange(300, 1400), chance.randrange(100, 2500), chance.choice(["EWR", "JFK", "LGA"]))
        for _ in range(400)
    ]
    lines = [f"{int(minute + chance.randrange(600) > 1100)},{minute},{d},{o}" for minute, d, o in rows]
    project.write("my_flights.csv", "\n".join(["late,minute_of_day,distance,origin", *lines, ""]))
    subprocess.run(["Rscript", "-e", blocks["r"]], cwd=project.folder, check=True)
    files = {name: str(project.folder / name) for name in ("late_forest.rds", "late_forest.csv")}
    for line in blocks["console"].splitlines():
        words = [files.get(word, word) for word in line.removeprefix("$ kronkers ").split()]
        project.run(*words, "--date", "2013-06-01")
    assert project.json("show", "late_forest@1")["metrics"]["auc"] > 0.5
    scores = [row["score"] for row in project.rows("read", "late_forest", "--date", "2013-06-01")]
    assert len(scores) > 500
    assert min(scores) < 0.3 < max(scores)
