"""One night of one company with a model in each language, held against the languages themselves."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.e2e.company import FILES, ROOT, Project

FEATURES = ["a", "b", "colour"]

MODEL = """\
department: sales
owner: Ann
description: {title}
task: {task}
language: {language}
{model}
source: orders
features: {{a: float, b: float, colour: category}}
target: {target}
window: {{train: 10d, holdout: 3d, score: 1d, label_delay: 1d}}
thresholds:
  training: {threshold}
  output: {{rows: {{min: 50}}, null_share: {{max: 0}}}}
"""
GLM = """\
estimator:
  function: stats::glm
  formula: paid ~ a * b + colour
  arguments: {family: binomial}
  predict_arguments: {type: response}"""

PYTHON = """\
import numpy as np


def design(data):
    colour = data["colour"].cat.codes.to_numpy()
    return np.column_stack([np.ones(len(data)), data["a"], data["b"], colour == 1, colour == 2])


def fit(data, params):
    return np.linalg.lstsq(design(data), data["amount"].to_numpy(), rcond=None)[0]


def score(model, data):
    return design(data) @ model
"""
JULIA = """\
design(data) = hcat(ones(length(data.a)), data.a, data.b, codes(data.colour) .== 2, codes(data.colour) .== 3)
fit(data, params) = design(data) \\ data.amount
score(model, data) = design(data) * model
"""
SOURCE = """\
department: sales
description: Orders
kind: csv
path: data/orders.csv
columns: {id: integer, at: timestamp, a: float, b: float, colour: category, paid: boolean, amount: float}
key: [id]
time_column: at
"""
TRAINED = (pl.date(2024, 1, 9), pl.date(2024, 1, 16))  # as of 20 January, without the 3 days held out
SCORED = (pl.date(2024, 1, 20), pl.date(2024, 1, 21))

# The same fit without this system; a C99 hexadecimal double says every bit.
NATIVE = """\
kinds <- c(id = "integer", a = "character", b = "character", colour = "character", paid = "logical")
rows <- function(path) {
    data <- read.csv(path, colClasses = kinds)
    data$a <- as.numeric(data$a)
    data$b <- as.numeric(data$b)
    data$colour <- factor(data$colour, levels = c("blue", "green", "red"))
    data
}
paths <- commandArgs(TRUE)
model <- glm(paid ~ a * b + colour, data = rows(paths[1]), family = binomial)
scored <- rows(paths[2])
cat(sprintf("%d %a\\n", scored$id, predict(model, scored, type = "response")), file = paths[3], sep = "")
"""


def orders(days: int = 21, a_day: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(17)
    n = days * a_day
    a, b, colour = rng.normal(size=n), rng.normal(size=n) / 3, rng.integers(0, 3, n)
    at = np.datetime64("2024-01-01T00:00:00") + np.arange(n) * np.timedelta64(86_400 // a_day, "s")
    return pl.DataFrame(
        {
            "id": np.arange(n) + 1,
            "at": at.astype("datetime64[us]"),
            "a": a,
            "b": b,
            "colour": np.array(["green", "red", "blue"])[colour],
            "paid": rng.random(n) < 1 / (1 + np.exp(-(a + a * b - colour + 1))),
            "amount": 3 + 2 * a - b + 0.5 * colour + rng.normal(size=n) / 10,
        }
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("languages") / "company")
    models = {
        "r": {"title": "Paid in time", "task": "binary", "model": GLM, "target": "paid"}
        | {"threshold": "{auc: {min: 0.6}}"},
        "python": {"model": "code: models/python/model.py"},
        "julia": {"model": "code: models/julia/model.jl"},
    }
    amount = {"title": "Amount", "task": "regression", "target": "amount", "threshold": "{skill: {min: 0.9}}"}
    for language, said in models.items():
        project.write(f"conf/model/{language}.yaml", MODEL.format(language=language, **(amount | said)))
    for name in ("conf/config.yaml", "conf/department/sales.yaml"):
        project.write(name, FILES[name])
    project.write("conf/source/orders.yaml", SOURCE)
    project.write("models/python/model.py", PYTHON)
    project.write("models/julia/model.jl", JULIA)
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(ROOT / "conf" / group, project.folder / "conf" / group)
    (project.folder / "data").mkdir()
    orders().write_csv(project.folder / "data/orders.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    project.home.mkdir()
    printed = project.run("run").stdout
    (project.folder / "printed.txt").write_text(printed)
    return project


def scores(company: Project, model: str) -> dict[int, float]:
    """By id, as `kronkers read` writes them to a file."""
    path = company.folder / f"{model}.parquet"
    company.run("read", model, "--date", "2024-01-20", "--to", str(path), "--force")
    return dict(pl.read_parquet(path).select("id", "score").iter_rows())


def test_the_night_prints_three_models_done(company):
    printed = (company.folder / "printed.txt").read_text()
    for model in ("python", "r", "julia"):
        assert re.search(rf"^\W*{model}\b.*\bpublished\b", printed, re.MULTILINE), printed
        assert len(scores(company, model)) == 60
    assert set(company.states().values()) == {"up to date"}


def write_exactly(rows: pl.DataFrame, path: Path) -> None:
    """A CSV file for R with floats in hexadecimal."""
    rows.select(
        "id", pl.col("a", "b").map_elements(float.hex, return_dtype=pl.String), "colour", "paid"
    ).write_csv(path)


def test_r_s_scores_are_those_of_r_itself_to_the_last_bit(company, tmp_path):
    at = pl.col("at")
    for (start, end), name in ((TRAINED, "train.csv"), (SCORED, "score.csv")):
        write_exactly(orders().filter((at >= start) & (at < end)), tmp_path / name)
    (tmp_path / "native.R").write_text(NATIVE)
    command = ["Rscript", "--vanilla", "native.R", "train.csv", "score.csv", "scores.txt"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    lines = (tmp_path / "scores.txt").read_text().splitlines()
    native = {int(number): float.fromhex(value) for number, value in map(str.split, lines)}
    assert len(set(native.values())) == 60
    assert scores(company, "r") == native
    # What is printed as JSON says every digit, too.
    printed = company.rows("read", "r", "--date", "2024-01-20")
    assert {row["id"]: row["score"] for row in printed} == native


def test_python_and_julia_fit_the_same_least_squares(company):
    python, julia = scores(company, "python"), scores(company, "julia")
    assert python.keys() == julia.keys()
    assert max(abs(python[key] - julia[key]) for key in python) < 1e-9
    amounts = dict(orders().select("id", "amount").iter_rows())
    assert max(abs(python[key] - amounts[key]) for key in python) < 1
