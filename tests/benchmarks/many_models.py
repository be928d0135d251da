"""Projects with very many models, for what must not grow with their number: 300 alike, or all different.

    python -m tests.benchmarks.many_models FOLDER alike 300
    python -m tests.benchmarks.many_models FOLDER different

writes ``FOLDER/conf`` and, where models have code, ``FOLDER/models``. The data is a file of 2,000 rows.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = """\
defaults: [schema, {warehouse: sqlite}, {executor: local}, {alerts: none}, _self_]
logical_date: 2024-03-01
key_file: ${oc.env:KRONKERS_KEY_FILE,'~/.config/kronkers/identity.key'}
"""
SOURCE = """\
department: bench
kind: csv
path: customers.csv
columns: {id: integer, day: date, x0: float, x1: float, x2: float, y: float}
key: id
time_column: day
"""
MODEL = """\
department: bench
owner: Bench <bench@kronkers.example>
description: One of very many.
language: %s
%s
task: regression
source: customers
features: {x0: float, x1: float, x2: float}
target: y
window: {train: 28d, holdout: 7d}
thresholds: {training: {rmse: {max: 1000}}}
"""
ALIKE = "estimator: {_target_: sklearn.linear_model.Ridge, alpha: 1.0}"
REGRESSORS = (
    "linear_model.Ridge", "linear_model.Lasso", "linear_model.ElasticNet", "linear_model.LinearRegression",
    "linear_model.BayesianRidge", "linear_model.HuberRegressor", "linear_model.SGDRegressor",
    "tree.DecisionTreeRegressor", "tree.ExtraTreeRegressor", "neighbors.KNeighborsRegressor",
    "ensemble.RandomForestRegressor", "ensemble.GradientBoostingRegressor",
    "ensemble.HistGradientBoostingRegressor", "ensemble.ExtraTreesRegressor", "svm.SVR", "svm.LinearSVR",
)  # fmt: skip
IN_R = (
    "stats::lm", "stats::glm", "stats::loess", "stats::aov", "stats::ppr", "stats::nls", "stats::supsmu",
    "stats::smooth.spline", "stats::lowess", "stats::isoreg", "stats::line", "stats::medpolish",
    "stats::ksmooth", "stats::runmed",
)  # fmt: skip
CODE = {
    "python": ("model.py", "import numpy as np\n\n\ndef fit(data, params):\n    return %d\n\n\n"
               "def score(model, data):\n    return np.full(len(data), float(model))\n"),
    "r": ("model.R", "fit <- function(data, params) %d\n"
          "score <- function(model, data) rep(model, nrow(data))\n"),
    "julia": ("model.jl", "fit(data, params) = %d\n"
              "score(model, data) = fill(Float64(model), length(data.x0))\n"),
}  # fmt: skip


def alike(folder: Path, count: int) -> None:
    """So many models with one estimator and one source."""
    begin(folder)
    for number in range(count):
        model(folder, f"alike_{number:04}", "python", ALIKE)


def different(folder: Path, code: int = 20) -> None:
    """30 estimators in two languages, and so many code files in each of three."""
    begin(folder)
    for name in REGRESSORS:
        short = name.rpartition(".")[2].lower()
        model(folder, f"e_{short}", "python", f"estimator: {{_target_: sklearn.{name}}}")
    for name in IN_R:
        model(folder, f"r_{name.rpartition(':')[2].replace('.', '_')}", "r",
               f"estimator: {{function: '{name}', formula: y ~ x0 + x1}}")  # fmt: skip
    for language, number in _each(code):
        name = f"{language}_{number:02}"
        file, text = CODE[language]
        path = folder / "models" / name / file
        path.parent.mkdir(parents=True)
        path.write_text(text % number)
        model(folder, name, language, f"code: models/{name}/{file}")


def _each(code: int) -> Iterator[tuple[str, int]]:
    return ((language, number) for number in range(code) for language in CODE)


def begin(folder: Path) -> None:
    """A project without models: one department, one source and its file."""
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(ROOT / "conf" / group, folder / "conf" / group)
    for group in ("department", "source", "model"):
        (folder / "conf" / group).mkdir()
    (folder / "conf/config.yaml").write_text(CONFIG)
    (folder / "conf/department/bench.yaml").write_text("title: Bench\nowner: Bench\n")
    (folder / "conf/source/customers.yaml").write_text(SOURCE)
    rows = (
        f"{i},2024-{1 + i // 1000:02}-{1 + i % 28:02},{i % 7},{i % 11},{i % 13},{i % 7 + i % 11}\n"
        for i in range(2000)
    )
    (folder / "customers.csv").write_text("id,day,x0,x1,x2,y\n" + "".join(rows))


def model(folder: Path, name: str, language: str, how: str) -> None:
    """One model; ``how`` are the lines that say what it is."""
    (folder / f"conf/model/{name}.yaml").write_text(MODEL % (language, how))


if __name__ == "__main__":
    place, kind, *rest = sys.argv[1:]
    Path(place).mkdir(parents=True, exist_ok=True)
    alike(Path(place), int(rest[0])) if kind == "alike" else different(Path(place))
