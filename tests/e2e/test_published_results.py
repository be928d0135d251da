"""Results that a textbook prints, from its own data.

James, Witten, Hastie and Tibshirani, An Introduction to Statistical Learning, 2nd edition, 4.3.4 and 4.6.2.

The data comes from the Python package ISLP, which is installed for these tests alone.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.company import ROOT, Project
from tests.e2e.lab import project_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
FIT, HOLDOUT, NIGHT = "2024-01-01T00:00:00", "2024-01-31T00:00:00", "2024-02-02T00:00:00"
DATE = "2024-02-02"
SOURCE = """\
department: sales
kind: csv
path: data/{name}.csv
columns: {{{columns}}}
key: [id]
time_column: at
"""
MODEL = """\
defaults: [/template/{template}]
department: sales
owner: Ann
language: {language}
source: {source}
window: {{train: all, holdout: 1d, label_delay: 1d}}
thresholds: {{training: {{skill: {{min: -1}}}}}}
"""
DEFAULT = """\
features: {student: {type: category, reference: "No"}, balance: float, income: float}
target: {column: default, positive: "Yes"}
"""
R_DEFAULT = """\
estimator:
  function: stats::glm
  formula: default ~ student + balance + income
  arguments: {family: binomial}
  predict_arguments: {type: response}
"""
PYTHON = """\
import numpy as np
from sklearn.linear_model import LogisticRegression
def design(data):
    return np.column_stack([data["student"] == "Yes", data["balance"] / 1000, data["income"] / 10000])
def fit(data, params):
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    return model.fit(design(data), data["default"])
def score(model, data):
    return model.predict_proba(design(data))[:, 1]
"""
JULIA = """\
others(data) = hcat(data.balance ./ 1000, data.income ./ 10000)
design(data) = hcat(ones(length(data.income)), data.student .== "Yes", others(data))
function fit(data, params)
    X, y = design(data), Float64.(data.default)
    b = zeros(size(X, 2))
    for _ in 1:50
        p = 1 ./ (1 .+ exp.(-X * b))
        b += (X' * (X .* (p .* (1 .- p)))) \\ (X' * (y - p))
    end
    return b
end
score(model, data) = 1 ./ (1 .+ exp.(-design(data) * model))
"""
BIKES = """\
estimator:
  function: stats::glm
  formula: bikers ~ mnth + hr + workingday + temp + weathersit
  arguments: {family: poisson}
  predict_arguments: {type: response}
features:
  mnth: category
  hr: category          # a whole number
  workingday: float
  temp: float
  weathersit: {type: category, reference: clear}
target: bikers
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("islp")
    install = ["-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), "ISLP==0.6.0"]
    subprocess.run([sys.executable, *install], check=True)
    return folder / "ISLP" / "data"


def project(folder: Path, name: str, columns: str, rows: pl.DataFrame, night: pl.DataFrame) -> Project:
    """Fits on all of the rows; a few of them again are the holdout, and some of one's own are scored."""
    made = project_of(folder)
    (made.folder / "conf/source/orders.yaml").unlink()
    parts = [rows.with_columns(at=pl.lit(FIT)), rows.head(500).with_columns(at=pl.lit(HOLDOUT))]
    parts.append(night.with_columns(at=pl.lit(NIGHT)))
    whole = pl.concat(parts, how="diagonal_relaxed").with_row_index("id")
    whole.write_csv(made.folder / f"data/{name}.csv")
    made.write(f"conf/source/{name}.yaml", SOURCE.format(name=name, columns=columns))
    for path in (ROOT / "conf/template").glob("*.yaml"):
        made.write(f"conf/template/{path.name}", path.read_text())
    return made


def scored(made: Project, model: str, column: str) -> list[float]:
    (found,) = made.json("run", model, "--date", DATE)["models"]
    assert found["state"] == "published", found
    return pl.DataFrame(made.rows("read", model, "--date", DATE)).sort("id")[column].to_list()


def test_default_by_logistic_regression_in_three_languages(data, tmp_path):
    """A student with a balance of 1,500 and an income of 40,000 defaults with 0.058, others with 0.105."""
    night = pl.DataFrame({"student": ["Yes", "No"], "balance": [1500.0] * 2, "income": [40000.0] * 2})
    columns = "id: integer, at: timestamp, default: string, student: category, balance: float, income: float"
    made = project(tmp_path, "credit", columns, pl.read_csv(data / "Default.csv"), night)
    for language, more, code in (
        ("python", "code: models/python/model.py\n", PYTHON),
        ("r", R_DEFAULT, ""),
        ("julia", "code: models/julia/model.jl\n", JULIA),
    ):
        head = MODEL.format(template="classifier", language=language, source="credit")
        made.write(f"conf/model/default_{language}.yaml", head + DEFAULT + more)
        if code:
            made.write(more.split()[1], code)
        found = scored(made, f"default_{language}", "probability")
        assert [round(p, 5) for p in found] == [0.05788, 0.10499], language


def test_bikers_by_poisson_regression_in_r(data, tmp_path):
    """Coefficients of Table 4.11 and of its program: what the logarithm of a prediction grows by."""
    columns = "id: integer, at: timestamp, mnth: string, hr: integer, workingday: integer, temp: float"
    columns += ", weathersit: string, bikers: integer"
    rows = pl.read_csv(data / "Bikeshare.csv").select(
        "mnth", "hr", "workingday", "temp", "weathersit", "bikers"
    )
    usual = {"mnth": "May", "hr": 8, "workingday": 0, "temp": 0.5, "weathersit": "clear"}
    others = [
        {"workingday": 1},
        {"temp": 1.5},
        {"weathersit": "cloudy/misty"},
        {"weathersit": "light rain/snow"},
    ]
    night = pl.DataFrame([usual, *({**usual, **other} for other in others)])
    made = project(tmp_path, "bikes", columns, rows, night)
    made.write("conf/model/bikers.yaml", MODEL.format(template="count", language="r", source="bikes") + BIKES)
    first, *found = scored(made, "bikers", "score")
    coefficients = [math.log(score / first) for score in found]
    assert [round(b, 6) for b in coefficients] == [0.014665, 0.785292, -0.075231, -0.575800]
