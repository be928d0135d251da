"""Which rows own measures judge, and in which order they are asked again."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.own_measure import Direction, Measure
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.measuring import naive_scores
from kronkers_batch.pipeline.own_measures import Asked, OwnMeasures, another_order, judged_rows
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.verify import Verified
from tests.model_support import declared

T = ColumnType
PYTHON = LANGUAGES["python"]
X = Column("x", T.FLOAT)
COST = Measure("cost", PYTHON, Path("cost.py"))
ROWS = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 2.0, 4.0, 8.0]})
DATA = TrainingData(ROWS, ROWS, 0, ())
VERIFIED = Verified(
    {"mae": 1.0, "skill": 0.5}, 4.0, pl.DataFrame({"score": ROWS["x"]}), pl.DataFrame(), ("odd",)
)
Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Worker:
    """Answers as a worker of a measure does, by a formula of truth and score."""

    def __init__(self, formula: Formula) -> None:
        self.formula = formula

    def measure(self, rows) -> pl.DataFrame:
        found = self.formula(rows.truth.to_series().to_numpy(), rows.scores.to_series().to_numpy())
        return pl.DataFrame({"loss": np.asarray(found, float)})


def added(formula: Formula, *, own_loss: str = "cost", verified: Verified = VERIFIED) -> Verified:
    model = declared(PYTHON, (X,), measures=(COST,), own_loss=own_loss)
    own = OwnMeasures(model, Schema((X,)), {"cost": Worker(formula)})  # type: ignore[dict-item]
    return own.added(verified, DATA)


@pytest.mark.parametrize("count", [2, 3, 1000])
def test_another_order_is_none_of_theirs(count):
    for seed in range(20):
        order = another_order(count, seed).to_list()
        assert sorted(order) == list(range(count)) != order
    assert another_order(1, 0).to_list() == [0]


def test_rows_without_a_score_are_left_out():
    model = declared(PYTHON, (X,), measures=(COST,))
    scores = pl.DataFrame({"score": [1.0, None, math.nan, 4.0]})
    rows, known = judged_rows(model, DATA, Schema((X,)), scores)
    assert known.to_list() == [True, False, False, True]
    assert rows.truth["y"].to_list() == [1.0, 8.0]
    assert rows.scores.to_dict(as_series=False) == {"score": [1.0, 4.0]}
    assert rows.data["x"].to_list() == [1.0, 4.0]


def test_skill_is_one_minus_the_own_loss_over_that_of_the_naive_prediction_of_the_same_rows():
    def absolute(truth, score):
        return np.abs(truth - score)

    found = added(absolute)
    assert found.metrics == pytest.approx({"mae": 1.0, "skill": 1 - 5 / 9, "cost": 5 / 4})
    assert added(absolute, own_loss="").metrics == {"mae": 1.0, "skill": 0.5, "cost": 5 / 4}
    partial = Verified({}, 4.0, pl.DataFrame({"score": [1.0, None, None, 4.0]}), pl.DataFrame(), ())
    assert added(absolute, verified=partial).metrics["skill"] == pytest.approx(1 - 2 / (7 / 2))
    gains = added(lambda truth, score: -absolute(truth, score))
    assert math.isnan(gains.metrics["skill"])
    assert gains.remarks == ("odd", "skill is undefined: by cost the naive prediction costs 0 or less")
    model = declared(PYTHON, (X,))
    assert OwnMeasures(model, Schema((X,)), {}).added(VERIFIED, DATA) is VERIFIED


def test_a_loss_that_the_naive_prediction_cannot_have_is_refused_as_such():
    with pytest.raises(ModelError, match=r"none for 4 of 4 rows that get the naive prediction") as error:
        added(lambda truth, score: np.where(score == 4.0, np.inf, 1.0) if (score == 4).all() else truth)
    assert error.value.where.startswith("conf/model/m.yaml")


def test_rounding_in_sums_is_no_other_number():
    """A metric adds in the order of the rows."""
    measure = Measure("review", PYTHON, Path("review.py"), {"total": Direction.LOWER})
    many = pl.DataFrame({"x": np.linspace(0, 1, 999), "y": np.linspace(1e-3, 1e3, 999)})
    model = declared(PYTHON, (X,), measures=(measure,))
    rows, _ = judged_rows(model, TrainingData(many, many, 0, ()), Schema((X,)), many.select(score="x"))

    class Sums(Worker):
        def measure(self, rows) -> pl.DataFrame:
            total = 0.0
            for truth in rows.truth.to_series():
                total += truth
            return pl.DataFrame({"total": [total]})

    worker = Sums(lambda truth, score: truth)
    assert Asked(model, measure, worker).metrics(rows)["total"] == pytest.approx(many["y"].sum())  # type: ignore[arg-type]


def test_the_naive_prediction_of_each_task_has_a_column_for_each_score():
    goal = Goal(classes=("a", "b", "c"))
    names = [f"probability.{name}" for name in goal.classes]
    classes = declared(PYTHON, (X,), task=TASKS["multiclass"], goal=goal, evaluate="")
    data = TrainingData(*[ROWS.head(3).with_columns(y=pl.Series(["a", "b", "c"]))] * 2, 0, ())
    found = naive_scores(classes, data, dict(zip(names, (0.5, 0.3, 0.2), strict=True)))
    assert found.columns == names
    assert found.rows() == [(0.5, 0.3, 0.2)] * 3
    counts = declared(PYTHON, (X,), task=TASKS["count"], goal=Goal(exposure="x"))
    assert naive_scores(counts, DATA, 2.0)["score"].to_list() == [2.0, 4.0, 6.0, 8.0]
