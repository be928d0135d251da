"""A night of a model in Python that is judged by measures in R: what a version has of them, and keeps."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

from tests.e2e import lab
from tests.e2e.company import Project
from tests.e2e.test_three_languages import PYTHON, orders

DATE = "2024-01-20"
HELD_OUT = (pl.date(2024, 1, 16), pl.date(2024, 1, 19))
COST = """\
# Too low costs three times as much as too high.
loss <- function(truth, score, data) {
    ifelse(score < truth, 3, 1) * abs(score - truth) * ifelse(data$colour == "red", 2, 1)
}
"""
REVIEW = """\
metric <- function(truth, score, data) {
    list(hits = mean(abs(score - truth) < 1), worst = max(abs(score - truth)))
}
"""
MORE = """\
measures:
  cost: {language: r, code: measures/cost.R}
  review: {language: r, code: measures/review.R, metrics: {hits: higher, worst: lower}}
thresholds: {training: {cost: {max: 1000}, review.hits: {min: 0}}}
"""


def cost(rows: pl.DataFrame, score: pl.Expr) -> float:
    """The mean of the measure of that name."""
    low = pl.when(score < pl.col("amount")).then(3.0).otherwise(1.0)
    red = pl.when(pl.col("colour") == "red").then(2.0).otherwise(1.0)
    return rows.select((low * (score - pl.col("amount")).abs() * red).mean()).item()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = lab.project_of(tmp_path_factory.mktemp("measures"))
    made.write("measures/cost.R", COST)
    made.write("measures/review.R", REVIEW)
    lab.add(made, "price", "python", PYTHON, MORE)
    made.edit("conf/model/price.yaml", "{a: float, colour", "{a: float, b: float, colour")
    made.edit("conf/model/price.yaml", "label_delay: 1d", "label_delay: 1d, refit: true")
    made.edit("conf/model/price.yaml", "target: amount", "target: {column: amount, loss: cost}")
    return made


def test_a_version_is_judged_by_the_measures_of_its_department(project: Project) -> None:
    project.run("check")
    said = lab.told(project, "--date", DATE)["price"]
    assert "cost " in said
    assert "review.hits " in said
    with project.opened() as services:
        version = services.registry.champion("price")
        assert version is not None
    training, rows = version.training, orders()
    held = rows.filter(pl.col("at").is_between(*HELD_OUT, closed="left"))
    assert held.height == training.rows["holdout"]
    naive = cost(held, pl.lit(training.naive))
    assert training.metrics["skill"] == pytest.approx(1 - training.metrics["cost"] / naive, rel=1e-9)
    assert 0 < training.metrics["review.hits"] <= 1
    assert training.metrics["review.worst"] >= training.metrics["rmse"] > 0
    assert training.metrics["cost"] >= training.metrics["mae"]
    assert training.metrics["refit"] >= 0  # the numbers are those of the first fit, also after the second one
    for name, text in (("cost", COST), ("review", REVIEW)):
        assert training.declaration["measures"][name] == hashlib.sha256(text.encode()).hexdigest()
        assert training.definition[f"measures.{name}.language"] == "r"
        assert training.definition[f"measures.{name}.code"]
    assert training.definition["measures.review.metrics"] == ["hits", "worst"]


def test_changed_code_of_a_measure_trains_anew_and_a_comment_does_not(project: Project) -> None:
    project.write("measures/cost.R", COST.replace("# Too low", "# Too low, alas,"))
    assert ("train", "price") not in project.plan("--date", DATE)
    project.write("measures/cost.R", COST.replace(", 3, 1)", ", 5, 1)"))
    assert ("train", "price") in project.plan("--date", DATE)
    assert "measures.cost.code: changed" in project.run("plan", "--date", DATE).stdout


def test_a_measure_that_cannot_be_loaded_is_an_error_before_a_night(project: Project) -> None:
    project.write("measures/review.R", "hits <- 1\n")
    said = project.run("check", code=2).stderr
    assert "conf/model/price.yaml:" in said
    assert "measures.review.code: " in said
    assert "the code defines no function metric(truth, score, data)" in said
    project.write("measures/review.R", REVIEW.replace("hits = ", "hit = "))
    failed = project.run("run", "--date", DATE, code=1)
    assert "metric did not return: hits" in failed.stdout + failed.stderr
    assert "model price, measure review (review.R)" in failed.stdout + failed.stderr
    project.write("measures/review.R", REVIEW)
