"""Declared estimators predict what their own language predicts from the same rows, many of them.

Each is fitted twice: by a worker as a model file declares it, and here (scikit-learn) or by a script (R)
without any part of this program. On request only: dozens of fits.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.spec import Estimator
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes import Worker
from tests.contract.conftest import ORIGIN
from tests.contract.test_estimators import only_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(900), pytest.mark.usefixtures("in_turn")]
PAGE = Path(__file__).parents[2] / "docs/reference/languages.md"
LEVELS = ("a", "b", "c")
FEATURES = (
    Column("x", ColumnType.FLOAT),
    Column("z", ColumnType.FLOAT),
    Column("g", ColumnType.CATEGORY, LEVELS),
)
NUMBERS = FEATURES[:2]
ENOUGH = 40, 25
"""How many estimators of R and of scikit-learn at least."""


def rows() -> pl.DataFrame:
    rng = np.random.default_rng(11)
    n = 300
    x, z, g = rng.normal(size=n), rng.uniform(0.5, 3, n), rng.choice(LEVELS, n)
    mean = 1 + 0.5 * x + 0.3 * z + (g == "b") * 0.7
    return pl.DataFrame(
        {
            "x": x, "z": z, "g": g, "y": mean + rng.normal(size=n) * 0.2,
            "late": rng.uniform(size=n) < 1 / (1 + np.exp(-mean + 1.5)),
            "count": rng.poisson(np.exp(mean / 3)).astype(float),
            "positive": np.exp(mean / 3 + rng.normal(size=n) / 9),
        }
    )  # fmt: skip


ROWS = rows()
ASKED = ROWS[200:].select("x", "z", "g")

SKLEARN: dict[str, dict[str, Any]] = {
    name: {"_target_": f"sklearn.{name}", **more}
    for name, more in {
        "linear_model.LinearRegression": {},
        "linear_model.Ridge": {"alpha": 0.7},
        "linear_model.Lasso": {"alpha": 0.01},
        "linear_model.ElasticNet": {"alpha": 0.02, "l1_ratio": 0.3},
        "linear_model.BayesianRidge": {},
        "linear_model.ARDRegression": {},
        "linear_model.HuberRegressor": {"epsilon": 1.5},
        "linear_model.TheilSenRegressor": {"random_state": 3},
        "linear_model.Lars": {},
        "linear_model.LassoLars": {"alpha": 0.001},
        "linear_model.OrthogonalMatchingPursuit": {},
        "linear_model.TweedieRegressor": {"power": 0},
        "linear_model.QuantileRegressor": {"alpha": 0.0},
        "tree.DecisionTreeRegressor": {"max_depth": 4, "random_state": 1},
        "tree.ExtraTreeRegressor": {"random_state": 1},
        "ensemble.RandomForestRegressor": {"n_estimators": 20, "random_state": 1},
        "ensemble.ExtraTreesRegressor": {"n_estimators": 20, "random_state": 1},
        "ensemble.GradientBoostingRegressor": {"n_estimators": 30, "random_state": 1},
        "ensemble.HistGradientBoostingRegressor": {"max_iter": 20, "random_state": 1},
        "ensemble.AdaBoostRegressor": {"n_estimators": 10, "random_state": 1},
        "ensemble.BaggingRegressor": {"n_estimators": 5, "random_state": 1},
        "neighbors.KNeighborsRegressor": {"n_neighbors": 7},
        "svm.SVR": {"C": 2.0},
        "svm.LinearSVR": {"random_state": 1, "max_iter": 20_000},
        "kernel_ridge.KernelRidge": {"alpha": 0.5},
        "gaussian_process.GaussianProcessRegressor": {"alpha": 0.1},
        "neural_network.MLPRegressor": {"random_state": 1, "max_iter": 300},
        "dummy.DummyRegressor": {"strategy": "median"},
    }.items()
}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    name: {"_target_": f"sklearn.{name}", **more}
    for name, more in {
        "linear_model.LogisticRegression": {"C": 0.5},
        "naive_bayes.GaussianNB": {},
        "discriminant_analysis.LinearDiscriminantAnalysis": {},
        "discriminant_analysis.QuadraticDiscriminantAnalysis": {},
        "ensemble.RandomForestClassifier": {"n_estimators": 20, "random_state": 1},
        "neighbors.KNeighborsClassifier": {"n_neighbors": 5},
    }.items()
}

LM = (
    "y ~ x", "y ~ x + z", "y ~ x * z", "y ~ x + g", "y ~ x * g", "y ~ poly(x, 3)", "y ~ I(x^2) + log(z)",
    "y ~ splines::ns(x, df = 3)", "y ~ scale(x) + z", "y ~ 0 + x + g", "y ~ .", "log(positive) ~ x + z",
    "y ~ exp(-z) + g:x",
)  # fmt: skip
RESPONSE = {"type": "response"}
R: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    *(("stats::lm", formula, {}, {}) for formula in LM),
    ("stats::aov", "y ~ g", {}, {}),
    ("stats::aov", "y ~ g + x", {}, {}),
    *(
        ("stats::glm", formula, {"family": family}, RESPONSE)
        for formula, family in (
            ("late ~ x", "binomial"), ("late ~ x + z + g", "binomial"), ("late ~ x * g", "quasibinomial"),
            ("late ~ poly(x, 2)", "binomial"), ("count ~ x", "poisson"), ("count ~ x + z + g", "poisson"),
            ("count ~ x * z", "quasipoisson"),
            ("positive ~ x + z", "Gamma"),
            ("positive ~ g", "inverse.gaussian"),
            ("y ~ x + g", "gaussian"), ("positive ~ x", "quasi"),
            ("count ~ splines::bs(z, df = 4)", "poisson"),
        )
    ),
    ("stats::loess", "y ~ x", {}, {}),
    ("stats::loess", "y ~ x", {"span": 0.4, "degree": 1}, {}),
    ("stats::loess", "y ~ x + z", {"degree": 1}, {}),
    ("stats::ppr", "y ~ x + z", {"nterms": 1}, {}),
    ("stats::ppr", "y ~ x + z + g", {"nterms": 2, "max.terms": 3}, {}),
    ("stats::nls", "y ~ a + b * x", {"start": {"a": 1.0, "b": 0.1}}, {}),
    ("stats::nls", "positive ~ exp(a + b * x)", {"start": {"a": 0.1, "b": 0.1}}, {}),
    ("ranger::ranger", "y ~ x + z", {"num.trees": 30, "seed": 5}, {}),
    ("ranger::ranger", "y ~ x + z + g", {"num.trees": 30, "seed": 5, "mtry": 2}, {}),
    ("ranger::ranger", "y ~ .", {"num.trees": 20, "seed": 2, "max.depth": 3}, {}),
    ("ranger::ranger", "y ~ x", {"num.trees": 20, "seed": 2, "splitrule": "extratrees"}, {}),
    ("ranger::ranger", "count ~ x + g", {"num.trees": 20, "seed": 2, "replace": False}, {}),
    ("ranger::ranger", "positive ~ x + z", {"num.trees": 20, "seed": 9, "min.node.size": 9}, {}),
]  # fmt: skip
SCRIPT = """\
told <- commandArgs(TRUE)
data <- read.csv(told[1], check.names = FALSE)
data$g <- factor(data$g, levels = c("a", "b", "c"))
data$late <- data$late == "true"
value <- function(v) if (is.list(v)) lapply(v, value) else v
for (file in list.files(told[2], full.names = TRUE)) {
  said <- dget(file)
  fun <- eval(parse(text = said$fun))
  rows <- data[c("x", "z", "g", said$target)]
  model <- do.call(fun, c(list(as.formula(said$formula), data = rows), said$arguments))
  asked <- rows[201:300, c("x", "z", "g")]
  found <- do.call(predict, c(list(model, asked), said$predict))
  if (is.list(found)) found <- found$predictions
  writeLines(sprintf("%.17g", as.numeric(found)), file.path(told[3], basename(file)))
}
"""


def told(value: Any) -> str:
    """A value in R's words."""
    if isinstance(value, dict):
        return f"list({', '.join(f'`{name}` = {told(one)}' for name, one in value.items())})"
    if isinstance(value, bool):
        return str(value).upper()
    return json.dumps(value)


def fitted(start: Callable[..., Worker], model: Estimator, target: str, **more: Any) -> list[float]:
    """The scores of a worker that fitted the declared estimator."""
    kind = {"late": ColumnType.BOOLEAN}.get(target, ColumnType.FLOAT)
    more = {"features": FEATURES, **more}
    names = [column.name for column in more["features"]]
    with start("e", model=model, target=Column(target, kind), data="pandas", own=True, **more) as worker:
        worker.fit([ROWS.select(*names, target)])
        return worker.score(ASKED.select(names))["score"].to_list()


def test_the_page_lists_them():
    page = " ".join(PAGE.read_text().split())
    names = [*SKLEARN, *CLASSIFIERS, *(function for function, *_ in R)]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert f"scikit-learn {'.'.join(version('scikit-learn').split('.')[:2])}" in page


@only_in("python")
def test_scikit_learn(lab):
    import pydoc

    x, asked = ROWS.select("x", "z").to_pandas(), ASKED.select("x", "z").to_pandas()
    different = {}
    cases = [(SKLEARN, "y", "regression"), (CLASSIFIERS, "late", "binary")]
    for table, target, task in cases:
        for name, said in table.items():
            arguments = {key: value for key, value in said.items() if key != "_target_"}
            own: Any = pydoc.locate(said["_target_"])
            np.random.seed(7)
            model = own(**arguments).fit(x, ROWS[target].to_numpy())
            expected = model.predict(asked) if task == "regression" else model.predict_proba(asked)[:, 1]
            declared = Estimator(said["_target_"], arguments, "", ORIGIN)
            found = fitted(lab.start, declared, target, features=NUMBERS, task=TASKS[task])
            if not np.allclose(found, expected, rtol=1e-12, atol=1e-12):
                different[name] = float(np.abs(np.array(found) - expected).max())
    assert different == {}
    assert len(SKLEARN) + len(CLASSIFIERS) >= ENOUGH[1]


@only_in("r")
def test_r(lab, tmp_path: Path):
    said, expected = tmp_path / "said", tmp_path / "expected"
    said.mkdir()
    expected.mkdir()
    ROWS.write_csv(tmp_path / "rows.csv")
    (tmp_path / "script.R").write_text(SCRIPT)
    targets = []
    for number, (function, formula, arguments, predict) in enumerate(R):
        left = formula.partition("~")[0].strip().removeprefix("log(").removesuffix(")")
        targets.append(left)
        call = {"fun": function, "formula": formula, "target": left, "predict": predict}
        call["arguments"] = arguments
        (said / f"{number:03d}").write_text(told(call))
    command = ["Rscript", "--vanilla", str(tmp_path / "script.R"), str(tmp_path / "rows.csv"), str(said)]
    done = subprocess.run([*command, str(expected)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    different = {}
    for number, (function, formula, arguments, predict) in enumerate(R):
        task = TASKS["binary" if targets[number] == "late" else "regression"]
        declared = Estimator(function, arguments, formula, ORIGIN, "", predict)
        found = fitted(lab.start, replace(declared), targets[number], task=task)
        own = [float(line) for line in (expected / f"{number:03d}").read_text().split()]
        if not np.allclose(found, own, rtol=1e-12, atol=1e-12):
            different[f"{function}({formula})"] = float(np.abs(np.array(found) - own).max())
    assert different == {}
    assert len(R) >= ENOUGH[0]
