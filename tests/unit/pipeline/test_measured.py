"""What is told of the scores that a version is measured by."""

import math

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.learning.binary import CLASSES
from kronkers_batch.pipeline.measuring import measured
from kronkers_batch.pipeline.prepare import TrainingData
from tests.model_support import declared

X = (Column("x", ColumnType.FLOAT),)
ROWS = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0.0, 1.0, 1.0]})


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([0.0, 1.0, 0.0], True),
        ([1.0, 1.0, None], True),
        ([0.0, 1.0, 0.5], False),
        ([False, True, True], False),  # a column that is declared so
    ],
)
def test_classes_in_the_place_of_probabilities_are_told(scores, told):
    model = declared(LANGUAGES["python"], X, task=TASKS["binary"])
    _, _, remarks = measured(model, TrainingData(ROWS, ROWS, 0, ()), pl.DataFrame({"score": scores}))
    assert (CLASSES in remarks) == told


def test_a_number_may_be_0_or_1():
    data = TrainingData(ROWS, ROWS, 0, ())
    scores = pl.DataFrame({"score": [0.0, 1.0, 1.0]})
    assert measured(declared(LANGUAGES["python"], X, task=TASKS["regression"]), data, scores)[2] == []


GOAL = Goal(classes=("a", "b", "c"))


def of_classes(*rows: list[float | None]) -> pl.DataFrame:
    names = [f"probability.{name}" for name in GOAL.classes]
    return pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.Float64), orient="row")


def test_each_class_is_measured_by_its_own_column():
    model = declared(LANGUAGES["python"], X, task=TASKS["multiclass"], goal=GOAL, evaluate="")
    fit = pl.DataFrame({"x": [0.0] * 4, "y": ["a", "a", "b", "c"]})
    holdout = pl.DataFrame({"x": [0.0] * 2, "y": ["c", "a"]})
    scores = of_classes([0.1, 0.2, 0.7], [0.5, 0.3, 0.2])
    for shown in (scores, scores.select(reversed(scores.columns))):
        values, naive, _ = measured(model, TrainingData(fit, holdout, 0, ()), shown)
        assert naive == {"probability.a": 0.5, "probability.b": 0.25, "probability.c": 0.25}
        assert values["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.5)) / 2)
        assert values["recall.c"] == values["recall.a"] == 1
        assert math.isnan(values["recall.b"])  # no row of the holdout has it: a threshold on it is missed


def test_rows_without_one_of_several_scores_are_unscored():
    model = declared(LANGUAGES["python"], X, task=TASKS["multiclass"], goal=GOAL, evaluate="")
    data = TrainingData(*[pl.DataFrame({"x": [0.0] * 3, "y": ["a", "b", "c"]})] * 2, 0, ())
    values, _, said = measured(model, data, of_classes([1, 0, 0], [None, 0.5, 0.5], [0, 0, 1]))
    assert values["unscored"] == pytest.approx(1 / 3)
    assert said == ["score gave no value for 1 of 3 holdout rows"]
    with pytest.raises(ScoreFailed, match="no value for 3 of 3 holdout rows"):
        measured(model, data, of_classes(*[[None, 0.5, 0.5]] * 3))
    with pytest.raises(ScoreFailed, match=r"no probability for 1 of 3 .* probability\.a \(or another of"):
        measured(model, data, of_classes([1, 0, 0], [0, -0.5, 1.5], [0, 0, 1]))


def test_the_class_is_the_most_probable_one_and_the_first_of_equal_ones():
    task = TASKS["multiclass"]
    found = task.derive(of_classes([0.2, 0.4, 0.4], [0.5, 0.2, 0.3], [None, 0.5, 0.5]), GOAL)
    assert found["class"].to_list() == ["b", "a", None]
    with pytest.raises(ValueError, match="probabilities that do not add up to 1 in 1 of 2 rows"):
        task.derive(of_classes([0.2, 0.4, 0.4], [0.5, 0.2, 0.2]), GOAL)


def test_quantiles_that_are_one_number_are_refused():
    """Such as those of an estimator that takes the level of a quantile, and is not asked for quantiles."""
    goal = Goal(quantiles=(0.1, 0.9))
    model = declared(LANGUAGES["python"], X, task=TASKS["quantiles"], goal=goal, evaluate="")
    data = TrainingData(ROWS, ROWS, 0, ())
    same = pl.DataFrame({"q10": [1.0, 2.0, None], "q90": [1.0, 2.0, 3.0]})
    with pytest.raises(ScoreFailed, match="the same number for all quantiles in every row"):
        measured(model, data, same)
    measured(model, data, same.with_columns(q90=pl.lit(2.0)))
    still = ROWS.with_columns(y=pl.lit(2.0))
    measured(model, TrainingData(ROWS, still, 0, ()), same)  # a target that is one number has such quantiles


def test_a_rate_counts_over_the_exposure_of_each_row():
    model = declared(LANGUAGES["python"], X, task=TASKS["count"], goal=Goal(exposure="e"))
    fit = pl.DataFrame({"x": [0.0] * 2, "y": [1, 5], "e": [1.0, 3.0]})
    holdout = pl.DataFrame({"x": [0.0] * 2, "y": [2, 8], "e": [2.0, 4.0]})
    scores = pl.DataFrame({"score": [1.5 * 2, 1.5 * 4]})
    values, naive, _ = measured(model, TrainingData(fit, holdout, 0, ()), scores)
    assert naive == 1.5
    assert values["skill"] == pytest.approx(0)
    assert values["deviance"] == pytest.approx(
        2 * (2 * math.log(2 / 3) + 1 + 8 * math.log(8 / 6) - 2) / (2 + 4)
    )
