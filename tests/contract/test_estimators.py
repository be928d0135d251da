"""Classes, quantiles, weights and counts with exposure: by a model's code, and by declared estimators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.spec import Environment, Estimator, OutputColumn
from kronkers_batch.errors import FitFailed, ModelError, ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal, Task
from kronkers_batch.runtimes import Worker
from tests.contract.conftest import ORIGIN, models_of
from tests.contract.turns import Turns

pytestmark = pytest.mark.usefixtures("in_turn")

Environments = Callable[[Language], Environment]
Start = Callable[..., Worker]
F = ColumnType.FLOAT


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """What the estimators of a language run in, made when it is first asked for."""
    made: dict[Language, Environment] = {}

    def of(language: Language) -> Environment:
        if language not in made:
            folder: Path = tmp_path_factory.mktemp(str(language))
            for above in (folder, folder.parent):
                above.chmod(0o755)
            made[language] = models_of(language).estimator_environment(folder)
        return made[language]

    return of


@pytest.fixture(scope="module")
def turns(environments: Environments) -> Iterator[Turns]:
    """As of other modules; workers of declared estimators take turns, too."""

    class Made:
        """Every environment of estimators; they are not made before they are needed."""

        def __contains__(self, environment: object) -> bool:
            return any(environments(one) == environment for one in LANGUAGES.values())

    with Turns({one: models_of(one).MODELS for one in LANGUAGES.values()}, Made()) as made:
        yield made


@pytest.fixture
def estimator(lab, environments) -> Start:
    """Starts a worker of an estimator: one of `ESTIMATORS` with more arguments, or another one."""

    def start(which: str | Estimator, arguments: dict[str, Any] | None = None, **changes: Any) -> Worker:
        model = lab.models.ESTIMATORS[which] if isinstance(which, str) else which
        model = replace(model, arguments={**model.arguments, **(arguments or {})})
        return lab.start(
            "e", **{"model": model, "data": "pandas", "environment": environments(lab.language), **changes}
        )

    return start


def test_a_declared_estimator_is_described_by_what_it_has_learnt(estimator, lab):
    words = {"python": "coef_", "r": "Residual standard error", "julia": ""}[str(lab.language)]
    worker = estimator("line", features=floats("a"))
    worker.fit([pl.DataFrame({"a": [1.0, 2.0, 4.0], "y": [1.5, 4.0, 8.5]})])
    assert words in worker.describe()


def asks(asked: str) -> Task:
    """A kind of task that asks workers for something else than a number."""
    return type("Asked", (type(TASKS["regression"]),), {"asked": asked})()


def floats(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, F) for name in names)


def outputs(*names: str) -> tuple[OutputColumn, ...]:
    return tuple(OutputColumn(name, F) for name in names)


def only_in(*languages: str) -> pytest.MarkDecorator:
    names = [f"in {name}" for name in languages]
    return pytest.mark.parametrize("lab", [LANGUAGES[name] for name in languages], ids=names, indirect=True)


# ---------------------------------------------------------------- classes

CLASSES = ("z", "a b", "é")
SHARES = {"z": 0.5, "a b": 0.3, "é": 0.2}
OF_CLASSES = {"task": asks("multiclass"), "goal": Goal(classes=CLASSES), "outputs": outputs(*CLASSES)}
X3 = pl.DataFrame({"x": [1.0, 2.0, 3.0]})


def labelled(*labels: str, **columns: Sequence[float]) -> pl.DataFrame:
    x = pl.Series("x", range(len(labels)), pl.Float64)
    return pl.DataFrame(
        [x, *(pl.Series(k, v, pl.Float64) for k, v in columns.items()), pl.Series("y", labels)]
    )


def target(*classes: str) -> Column:
    return Column("y", ColumnType.CATEGORY, classes or CLASSES)


TEN = labelled(*["é"] * 2, *["z"] * 5, *["a b"] * 3)


@pytest.mark.parametrize("rows", [X3, X3[1:2]], ids=["rows", "one row"])
def test_columns_of_code_are_picked_by_their_names(lab, fitted, rows):
    parameters = {"names": ["é", "z", "a b"], "count": 3}
    got = fitted("columns", **OF_CLASSES, target=target(), parameters=parameters).score(rows)
    assert got.columns == list(CLASSES)
    assert [(got[name] - rows["x"]).to_list() for name in CLASSES] == [
        [n] * len(rows) for n in (1.0, 2.0, 0.0)
    ]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["é", "z"], "a b"),
        (["é", "z", "a b", "more"], "declared"),
        ([], "score returned a matrix without names; name the columns"),
    ],
    ids=["lacking", "more", "unnamed"],
)
def test_other_columns_of_code_are_refused(lab, fitted, names, says):
    parameters = {"names": names, "count": len(names) or 3}
    worker = fitted("columns", **OF_CLASSES, target=target(), parameters=parameters)
    with pytest.raises(ScoreFailed, match=says):
        worker.score(X3)


def test_probabilities_of_an_estimator_are_picked_by_the_names_of_the_classes(estimator):
    worker = estimator("shares", **OF_CLASSES, target=target())
    worker.fit([TEN])
    for rows in (X3, X3[:1]):
        got = worker.score(rows)
        for name, share in SHARES.items():
            assert got[name].to_list() == pytest.approx([share] * len(rows)), name


def test_weights_count_in_the_shares_of_classes(estimator):
    worker = estimator(
        "shares",
        **{**OF_CLASSES, "goal": Goal(classes=CLASSES, weights="w")},
        target=target(),
        fit_only=Schema(floats("w")),
    )
    worker.fit([labelled("é", "z", "a b", w=[2, 5, 3])])
    assert worker.score(X3[:1]).row(0) == pytest.approx(tuple(SHARES.values()))


def test_a_model_of_other_classes_is_refused(estimator):
    worker = estimator("shares", **OF_CLASSES, target=target())
    worker.fit([TEN.filter(pl.col("y") == "z")])
    with pytest.raises(ScoreFailed, match="the model lacks 2 of the declared classes: 'a b', 'é'; each must"):
        worker.score(X3)
    worker = estimator(
        "shares",
        **{**OF_CLASSES, "goal": Goal(classes=CLASSES[:2]), "outputs": outputs("z", "a b")},
        target=target(),
    )
    worker.fit([TEN])
    with pytest.raises(ScoreFailed, match=r"the model has classes that are not declared \(1\)") as error:
        worker.score(X3)
    assert "é" not in error.value.what


def test_probabilities_without_names_are_refused(lab, estimator):
    worker = estimator(
        lab.models.picked(list(CLASSES), named=False),
        **OF_CLASSES,
        target=target(),
        features=floats(*CLASSES),
    )
    rows = pl.DataFrame({name: [0.2, 0.3] for name in CLASSES})
    worker.fit([rows.with_columns(y=pl.Series(["z", "é"]))])
    with pytest.raises(ScoreFailed, match=r"its classes|no names of classes"):
        worker.score(rows)


# ---------------------------------------------------------------- quantiles

LEVELS = (0.1, 0.5, 0.9)
Q = ("q10", "q50", "q90")
OF_QUANTILES = {"task": asks("quantiles"), "goal": Goal(quantiles=LEVELS), "outputs": outputs(*Q)}


def test_one_model_for_each_quantile(estimator):
    changes = {**OF_QUANTILES}
    worker = estimator("level", **changes)
    worker.fit([pl.DataFrame({"x": np.zeros(101), "y": np.arange(101.0)[::-1]})])
    got = worker.score(X3)
    assert got.columns == list(Q)
    assert got.to_numpy() == pytest.approx(np.array([(10.0, 50.0, 90.0)] * 3))
    assert worker.score(X3[:1]).rows() == got.rows()[:1]
    other = estimator("level", **changes, target=None)
    other.load(worker.save())
    assert other.score(X3).equals(got)


@pytest.mark.parametrize(
    ("columns", "named", "refused"),
    [
        (["b", "a", "c"], False, ""),
        (["q90", "q50", "q10"], True, ""),
        (["tau= 0.9", "tau= 0.10", "tau= 0.500"], True, ""),
        (["90%", "10%", "50%"], True, ""),
        (["x3", "x1", "x2"], True, ""),
        (["a", "b"], False, "predict gave 2 columns for 3 quantiles"),
        (
            ["quantile= 0.2", "quantile= 0.5", "quantile= 0.9"],
            True,
            "predict gave other quantiles than declared",
        ),
        (["q5", "q50", "q95"], True, "predict gave other quantiles than declared"),
        (["a", "q50", "q90"], True, "predict gave other quantiles than declared"),
    ],
    ids=["no names", "outputs", "tau", "percent", "other names", "few", "other", "other outputs", "mixed"],
)
def test_one_model_of_all_quantiles(lab, estimator, columns, named, refused):
    """By the levels in the names of the columns; where there are none, in ascending order."""
    level = [0.1, 0.5, 0.9][: len(columns)]
    if columns[0] in ("q90", "tau= 0.9", "90%"):
        level = {"q90": [0.9, 0.5, 0.1], "tau= 0.9": [0.9, 0.1, 0.5], "90%": [0.9, 0.1, 0.5]}[columns[0]]
    worker = estimator(
        lab.models.picked(columns, named=named), **OF_QUANTILES, features=floats(*sorted(columns))
    )
    rows = pl.DataFrame({name: [one, one + 1] for name, one in zip(columns, level, strict=True)})
    worker.fit([rows.with_columns(y=pl.lit(1.0))])
    for part in (rows, rows[:1]):
        if refused:
            with pytest.raises(ScoreFailed, match=refused):
                worker.score(part)
        else:
            assert worker.score(part).rows() == [LEVELS, (1.1, 1.5, 1.9)][: len(part)]


def test_an_argument_that_asks_for_other_quantiles_is_refused(estimator):
    with pytest.raises(ModelError, match="the argument tau asks for other quantiles than declared"):
        _ = estimator("level", {"tau": [0.9, 0.5, 0.1]}, **OF_QUANTILES).info


# ---------------------------------------------------------------- weights, and what only fit sees

WEIGHED = {"goal": Goal(weights="w"), "fit_only": Schema(floats("w", "seen"))}
LINE = pl.DataFrame({"x": [0.0, 1.0, 2.0, 4.0], "w": [1.0, 2.0, 1.0, 3.0], "y": [1.0, 2.0, 5.0, 3.0]})
"""Its rows do not lie on a line, so that weights matter."""


def test_code_fits_with_all_columns_and_scores_with_the_features(lab):
    worker = lab.start(
        "rate",
        features=floats("x", "e"),
        goal=Goal(weights="w", exposure="e"),
        fit_only=Schema(floats("w", "seen")),
    )
    rows = pl.DataFrame({"x": [1.0, 2], "e": [2.0, 4], "w": [1.0, 3], "seen": [0.0, 0], "y": [3.0, 1]})
    worker.fit([rows])
    assert worker.score(rows.select("x", "e"))["score"].to_list() == pytest.approx([6 / 7, 12 / 7])


def test_a_weight_of_two_is_a_row_twice(estimator):
    """What only fit sees is no feature: with y itself among the features the line would fit every row."""
    worker = estimator("line", **WEIGHED)
    worker.fit([LINE.with_columns(seen="y")])
    weighted = worker.score(X3)["score"]
    for repeated in (True, False):
        plain = estimator("line")
        rows = LINE.select(pl.all().repeat_by("w")).explode(pl.all()) if repeated else LINE
        plain.fit([rows.select("x", "y")])
        same = plain.score(X3)["score"].to_list() == pytest.approx(weighted.to_list(), rel=1e-9)
        assert same == repeated


def test_an_estimator_that_takes_no_weights_is_refused(estimator):
    worker = estimator("unweighted", **WEIGHED)
    with pytest.raises(
        ModelError, match=r"takes no argument (weights|sample_weight), which the weights need"
    ) as error:
        worker.fit([LINE.with_columns(seen="y")])
    assert any(
        name in error.value.what
        for name in ("KNeighborsRegressor", "kbfits::unweighted", "LinearFit.unweighted")
    )


# ---------------------------------------------------------------- without a target

ALONE = {"task": TASKS["anomaly"], "target": None}
OF_WEIGHTS = {**ALONE, "goal": Goal(weights="w"), "fit_only": Schema(floats("w"))}


def test_features_alone_are_fitted_where_there_is_no_target(estimator):
    rows, found = LINE.select("x", "w"), {}
    for case in ("weighted", "repeated", "plain"):
        worker = estimator("near", **(OF_WEIGHTS if case == "weighted" else ALONE))
        repeated = rows.select(pl.all().repeat_by("w")).explode(pl.all())
        worker.fit(
            [
                {"weighted": rows, "repeated": repeated, "plain": rows}[case].select(
                    "x", *("w",) * (case == "weighted")
                )
            ]
        )
        found[case] = worker.score(X3)["score"].to_list()
        assert worker.score(X3[1:2])["score"].to_list() == pytest.approx(found[case][1:2])
    assert found["weighted"] == pytest.approx(found["repeated"], rel=1e-9)
    assert found["weighted"] != pytest.approx(found["plain"], rel=1e-3)


@only_in("r", "julia")
def test_data_alone_are_fitted_and_weights_that_would_be_lost_refused(lab, estimator):
    package = {"r": "kbfits::alone", "julia": "LinearFit.alone"}[str(lab.language)]
    model = Estimator(package, {}, "", ORIGIN)
    worker = estimator(model, **ALONE)
    worker.fit([LINE.select("x")])
    assert worker.score(X3)["score"].to_list() == pytest.approx([-0.75, -0.25, -1.25])
    with pytest.raises(ModelError, match="takes no argument weights, which the weights need"):
        estimator(model, **OF_WEIGHTS).fit([LINE.select("x", "w")])


RULES = {"task": TASKS["rules"], "target": None, "learns": False}


def test_rules_have_score_alone_and_no_model(lab):
    """They get no row of the training data, and what is stored of them is nothing."""
    worker = lab.start("rules", own=True, **RULES)
    worker.fit(())
    artifact = worker.save()
    assert worker.score(X3)["score"].to_list() == [0, 0, 1]
    fresh = lab.start("rules", own=True, **RULES)
    fresh.load(artifact)
    assert fresh.score(X3)["score"].to_list() == [0, 0, 1]
    with pytest.raises(ModelError, match=r"no function '?fit"):
        lab.start("rules", own=True).fit([LINE.select("x", "y")])


def test_rules_that_would_learn_are_refused(lab):
    with pytest.raises(ModelError, match="rules learn nothing, and the code has a function 'fit'"):
        lab.start("identity", **RULES).fit(())


# ---------------------------------------------------------------- counts over an exposure


def counts(rows: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    x, z, exposure = rng.normal(size=rows), rng.normal(size=rows), rng.uniform(0.5, 8, rows)
    y = rng.poisson(exposure * np.exp(0.3 + 0.5 * x - 0.4 * z)).astype(float)
    return pl.DataFrame({"e": exposure, "x": x, "z": z, "w": rng.uniform(0.5, 2, rows), "y": y})


def poisson(rows: pl.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the model whose logarithm has the offset log(e), by Newton's method."""
    x = np.column_stack([np.ones(len(rows)), rows["x"], rows["z"]])
    y, offset, b = rows["y"].to_numpy(), np.log(rows["e"].to_numpy()), np.zeros(3)
    for _ in range(50):
        mean = np.exp(x @ b + offset)
        b += np.linalg.solve((x.T * (weights * mean)) @ x, x.T @ (weights * (y - mean)))
    return b


@pytest.mark.parametrize("weighted", [False, True], ids=["equal rows", "weighted"])
def test_counts_are_fitted_and_scored_over_their_exposure(estimator, weighted):
    """The coefficients are those of the model with the offset, and the exposure predicts nothing."""
    rows = counts()
    changes = {"fit_only": Schema(floats("w"))} if weighted else {}
    goal = Goal(exposure="e", weights="w" if weighted else "")
    worker = estimator("counts", features=floats("e", "x", "z"), goal=goal, **changes)
    worker.fit([rows if weighted else rows.drop("w")])
    probes = pl.DataFrame({"x": [0.0, 1, 0, 0, 1], "z": [0.0, 0, 1, 0, 0], "e": [1.0, 1, 1, 3, 0.5]})
    b = poisson(rows, rows["w"].to_numpy() if weighted else np.ones(len(rows)))
    expected = probes["e"].to_numpy() * np.exp(
        b[0] + b[1] * probes["x"].to_numpy() + b[2] * probes["z"].to_numpy()
    )
    got = worker.score(probes)["score"].to_numpy()
    assert got == pytest.approx(expected, rel=1e-6)
    other = estimator("counts", features=floats("e", "x", "z"), goal=goal, target=None)
    other.load(worker.save())
    assert np.array_equal(other.score(probes)["score"].to_numpy(), got)


def test_an_exposure_that_is_not_above_zero_is_refused_in_fit(estimator):
    worker = estimator("counts", features=floats("e", "x", "z"), goal=Goal(exposure="e"))
    for wrong in (0.0, None):
        rows = counts().drop("w").with_columns(e=pl.when(pl.col("x") > 0).then("e").otherwise(wrong))
        with pytest.raises(FitFailed, match="the exposure is missing or not above 0 in some training rows"):
            worker.fit([rows])


def test_an_estimator_that_takes_no_exposure_is_refused(estimator):
    worker = estimator("unweighted", features=floats("e", "x", "z"), goal=Goal(exposure="e"))
    with pytest.raises(
        ModelError, match=r"which the rates of an exposure need|do not grow with the exposure"
    ):
        worker.fit([counts().drop("w")])


# ---------------------------------------------------------------- in Python


@only_in("python")
@pytest.mark.parametrize("data", ["pandas", "polars", "numpy"])
def test_every_table_has_the_same_columns_with_a_role(estimator, data):
    goal = Goal(exposure="e", weights="w")
    worker = estimator(
        "counts", features=floats("e", "x", "z"), goal=goal, fit_only=Schema(floats("w", "seen")), data=data
    )
    rows = counts()
    worker.fit([rows.with_columns(seen="y")])
    b = poisson(rows, rows["w"].to_numpy())
    got = worker.score(pl.DataFrame({"e": [2.0], "x": [1.0], "z": [1.0]}))["score"][0]
    assert got == pytest.approx(2 * np.exp(b.sum()), rel=1e-6)


def steps(last: dict[str, Any]) -> dict[str, Any]:
    scale = {"_target_": "sklearn.preprocessing.StandardScaler"}
    return {"_target_": "sklearn.pipeline.Pipeline", "steps": [["scale", scale], ["last", last]]}


def declared(tree: dict[str, Any], **changes: Any) -> Estimator:
    arguments = {k: v for k, v in tree.items() if k != "_target_"}
    return Estimator(tree["_target_"], arguments, "", models_of("python").ESTIMATOR.origin, **changes)


@only_in("python")
def test_a_pipeline_gives_the_weights_to_its_last_step(estimator):
    line = {"_target_": "sklearn.linear_model.LinearRegression"}
    search = {"_target_": "sklearn.model_selection.GridSearchCV", "cv": 2}
    search |= {"estimator": steps(line), "param_grid": {"last__positive": [False]}}
    plain = estimator("line", **WEIGHED)
    rows = LINE.with_columns(seen="y")
    plain.fit([rows])
    transformed = {"_target_": "sklearn.compose.TransformedTargetRegressor", "regressor": steps(line)}
    for tree in (steps(line), steps(steps(line)), search, transformed):
        worker = estimator(declared(tree), **WEIGHED)
        worker.fit([rows])
        assert worker.score(X3)["score"].to_list() == pytest.approx(plain.score(X3)["score"].to_list())
    neighbours = {"_target_": "sklearn.neighbors.KNeighborsRegressor"}
    with pytest.raises(ModelError, match="KNeighborsRegressor takes no argument sample_weight"):
        _ = estimator(declared(steps(neighbours)), **WEIGHED).info


@only_in("python")
def test_categories_become_indicators_where_that_is_declared(estimator):
    """The same columns for any rows: of one row, of a missing value, of a level that no row has."""
    levels = ("a", "b", "never")
    features = (Column("g", ColumnType.CATEGORY, levels), Column("x", ColumnType.FLOAT))
    rows = pl.DataFrame({"g": ["a", "b"] * 20, "x": [0.0, 1.0, 2.0, 5.0] * 10})
    rows = rows.with_columns(y=pl.col("x") * 2 + (pl.col("g") == "b") * 10.0)
    line = {"_target_": "sklearn.linear_model.LinearRegression", "fit_intercept": False}
    worker = estimator(declared(line, categories="indicators"), features=features)
    worker.fit([rows])
    asked = pl.DataFrame({"g": ["b", None, "never", "a"], "x": [3.0, 3.0, 3.0, 4.0]})
    assert worker.score(asked)["score"].to_list() == pytest.approx([16, 6, 6, 8])
    assert worker.score(asked[:1])["score"].to_list() == pytest.approx([16])
    plain = estimator(declared(line), features=features)
    with pytest.raises(ModelError, match="could not convert string to float"):
        plain.fit([rows])


@only_in("python")
def test_a_step_of_a_pipeline_gets_the_level(estimator):
    last = {"_target_": "sklearn.dummy.DummyRegressor", "strategy": "quantile"}
    worker = estimator(declared(steps(last), per_quantile="last__quantile"), **OF_QUANTILES)
    worker.fit([pl.DataFrame({"x": np.zeros(101), "y": np.arange(101.0)})])
    assert worker.score(X3[:1]).row(0) == pytest.approx((10.0, 50.0, 90.0))


@only_in("python")
def test_classes_in_the_place_of_probabilities_are_refused(estimator):
    model = replace(models_of("python").ESTIMATORS["shares"], predict="predict")
    worker = estimator(model, **OF_CLASSES, target=target())
    worker.fit([TEN])
    with pytest.raises(ScoreFailed, match="predict gave no matrix with one column for each"):
        worker.score(X3)


# ---------------------------------------------------------------- in R


@only_in("r")
@pytest.mark.parametrize(
    ("shape", "refused"),
    [
        ("dropped", ""),
        ("posterior", ""),
        ("frame", ""),
        ("unnamed", "no names of classes"),
        ("classes", "classes where probabilities are wanted"),
        ("one", "one vector for the classes"),
    ],
)
def test_the_shapes_in_which_r_gives_probabilities(estimator, shape, refused):
    worker = estimator("shares", {"shape": shape}, **OF_CLASSES, target=target())
    worker.fit([TEN])
    for rows in (X3, X3[:1]):
        if refused:
            with pytest.raises(ScoreFailed, match=refused):
                worker.score(rows)
        else:
            expected = np.array([list(SHARES.values())] * len(rows))
            assert worker.score(rows).to_numpy() == pytest.approx(expected)


@only_in("r")
def test_one_vector_for_two_classes_is_refused(estimator):
    two = ("z", "a b")
    changes = {**OF_CLASSES, "goal": Goal(classes=two), "outputs": outputs(*two), "target": target(*two)}
    worker = estimator("shares", {"shape": "one"}, **changes)
    worker.fit([labelled("z", "a b")])
    with pytest.raises(ScoreFailed, match="predict gave one vector for two classes; declare task: binary"):
        worker.score(X3)


@only_in("r")
def test_weights_that_a_method_would_drop_are_refused(estimator):
    origin = models_of("r").ESTIMATOR.origin
    rows = LINE.with_columns(seen="y")
    with pytest.raises(ModelError, match="kbfits::drops takes no argument weights"):
        estimator(Estimator("kbfits::drops", {}, "y ~ x", origin), **WEIGHED).fit([rows])
    plain = estimator("line", **WEIGHED)
    handed = estimator(Estimator("kbfits::hands_on", {}, "y ~ x", origin), **WEIGHED)
    for worker in (plain, handed):
        worker.fit([rows])
    assert handed.score(X3).equals(plain.score(X3))


@only_in("r")
@pytest.mark.parametrize("formula", ["y ~ .", ""])
def test_ranger_gets_weights_of_cases(estimator, formula):
    """With a weight of 0 for all rows but those of one value, that is the prediction."""
    arguments = {"num.trees": 20, **({} if formula else {"dependent.variable.name": "y"})}
    model = Estimator("ranger::ranger", arguments, formula, models_of("r").ESTIMATOR.origin)
    worker = estimator(model, **WEIGHED)
    n = 40
    rows = pl.DataFrame({"x": np.arange(float(n)), "w": [0.0, 1.0] * (n // 2), "y": [0.0, 7.0] * (n // 2)})
    worker.fit([rows.with_columns(seen="y")])
    assert worker.score(X3)["score"].to_list() == [7.0] * 3


@only_in("r")
@pytest.mark.parametrize(
    ("target", "formula", "says"),
    [
        (
            "stats::glm",
            "y ~ x + offset(log(e))",
            "the formula names the exposure 'e': take it out",
        ),
        ("stats::glm", "y ~ x + seen", "the formula predicts from 'seen', which only fit has"),
        ("ranger::ranger", "", "ranger::ranger has no formula that an exposure could be the offset of"),
        ("ranger::ranger", "y ~ x", "the predictions of ranger::ranger do not grow with the exposure"),
        ("stats::lm", "y ~ x", "the predictions of stats::lm do not grow with the exposure"),
    ],
)
def test_an_exposure_that_would_be_lost_is_refused(estimator, target, formula, says):
    model = Estimator(
        target, {}, formula, models_of("r").ESTIMATOR.origin, predict_arguments={"type": "response"}
    )
    goal, only = Goal(exposure="e"), Schema(floats("seen"))
    worker = estimator(model, features=floats("e", "x", "z"), goal=goal, fit_only=only)
    with pytest.raises(ModelError) as error:
        worker.fit([counts().drop("w").with_columns(seen="y")])
    assert says in error.value.what


@only_in("r")
def test_names_with_blanks_have_their_place_in_formulas(estimator):
    """An exposure, a weight and a target that are no names of R's."""
    names = {"e": "over years", "w": "how much", "x": "size é", "y": "so many"}
    rows = counts()
    model = replace(models_of("r").ESTIMATORS["counts"], formula="`so many` ~ . + I(z^2) - I(z^2)")
    worker = estimator(
        model,
        features=floats("over years", "size é", "z"),
        target=Column("so many", F),
        goal=Goal(exposure="over years", weights="how much"),
        fit_only=Schema(floats("how much")),
    )
    worker.fit([rows.rename(names)])
    b = poisson(rows, rows["w"].to_numpy())
    got = worker.score(pl.DataFrame({"over years": [2.0], "size é": [1.0], "z": [1.0]}))["score"][0]
    assert got == pytest.approx(2 * np.exp(b.sum()), rel=1e-6)


@only_in("r")
def test_a_glm_without_its_data_gives_what_r_gives_to_the_last_digit(lab, estimator):
    """What a stored glm leaves out is neither its offset nor what its weights did."""
    folder = lab.folder / "native"
    folder.mkdir(mode=0o755)
    (folder / "model.R").write_text(
        "fit <- function(data, params) {\n"
        "    f <- y ~ x + z + offset(log(e))\n"
        "    suppressWarnings(glm(f, poisson, data, weights = w, epsilon = 1e-14))\n}\n"
        "score <- function(model, data) predict(model, data, type = 'response')\n"
    )
    changes = {"features": floats("e", "x", "z"), "goal": Goal(exposure="e", weights="w")}
    changes["fit_only"] = Schema(floats("w"))
    rows = counts()
    native, light = lab.start("native", **changes), estimator("counts", **changes)
    for worker in (native, light):
        worker.fit([rows])
    assert light.score(rows).equals(native.score(rows))
    assert len(light.save()) < len(native.save())


@only_in("r")
def test_names_that_data_frame_changes_are_told(lab):
    folder = lab.folder / "changed"
    folder.mkdir(mode=0o755)
    (folder / "model.R").write_text(
        "fit <- function(data, params) 1\n"
        "score <- function(model, data) data.frame(z = data$x, `a b` = data$x, `é` = data$x)\n"
    )
    worker = lab.start("changed", **OF_CLASSES, target=target())
    worker.fit([TEN])
    with pytest.raises(ScoreFailed, match=r"check\.names = FALSE"):
        worker.score(X3)
