"""What is told of the scores that a version is measured by."""

import math

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.learning.binary import CLASSES
from kronkers_batch.pipeline.measuring import ChampionScores, measured
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


UNTOLD = pl.DataFrame({"x": [0.0] * 6})


def without_target(task: str, **changes):
    return declared(LANGUAGES["python"], X, task=TASKS[task], target="", target_type=None, **changes)


def test_scores_that_part_no_rows_are_refused():
    for task, says in (
        ("anomaly", "the same number for every row of the holdout: no row is odder than another"),
        ("clusters", "the same cluster for every row of the holdout: the rows are not parted"),
    ):
        model, data = without_target(task), TrainingData(UNTOLD, UNTOLD, 0, ())
        for values in ([1, 1, 1, 1, 1, 1], [1, 1, None, 1, 1, 1]):
            with pytest.raises(ScoreFailed, match=says):
                measured(model, data, pl.DataFrame({"score": values}))
        measured(model, data, pl.DataFrame({"score": [1, 1, 1, 1, 1, 2]}))
    with pytest.raises(ScoreFailed, match="no number for 1 of 6 holdout rows: score is infinite there"):
        measured(
            without_target("anomaly"), data, pl.DataFrame({"score": [1.0, 2.0, 3.0, 4.0, 5.0, math.inf]})
        )


def test_the_champion_is_compared_in_the_sense_of_the_scores_and_the_first_version_with_nobody():
    windows = pl.Series([0, 0, 0, 1, 1, 2])
    data = TrainingData(UNTOLD, UNTOLD, 0, (), groups=windows)
    scores = pl.DataFrame({"score": [1.0, 2, 3, 1, 2, 9]})
    before = np.array([5.0, 6, 7, 2, 1, 9])
    for goal, expected in ((Goal(top=1), 0.5), (Goal(top=1, higher_is="less_odd"), 0.5), (Goal(top=2), 1)):
        model = without_target("anomaly", goal=goal)
        values, naive, said = measured(model, data, scores, ChampionScores("m@1", before))
        assert values["stability.overlap"] == expected
        assert naive == {"stability.overlap": pytest.approx((1 / 3 + 1 / 2) / 2 if goal.top == 1 else 2 / 3)}
        assert said[0].startswith("compared with m@1; by chance it would be stability.overlap 0.")
        assert said[1].endswith(
            "scoring windows have no more rows than are chosen, and are left out of stability.overlap"
        )
        values, naive, said = measured(model, data, scores)
        assert math.isnan(values["stability.overlap"])
        assert naive == {}
        assert said[0] == "stability.overlap is not judged: there is no champion yet to compare with"
        values, naive, said = measured(
            model, data, scores, ChampionScores("m@1", why="is of the task binary")
        )
        assert math.isnan(values["stability.overlap"])
        assert said[0] == "stability.overlap is undefined: m@1 is of the task binary"


def test_rules_without_a_target_are_measured_by_nothing():
    model = without_target("rules")
    data = TrainingData(UNTOLD, UNTOLD, 0, ())
    for scores in (
        [1, 1, 1, None, 2, 3],
        ["a", "b", "b", None, "a", "a"],
        [True, False, True, None, True, True],
    ):
        values, naive, said = measured(model, data, pl.DataFrame({"score": scores}))
        assert values == {"unscored": pytest.approx(1 / 6)}
        assert naive == {}
        assert said == ["score gave no value for 1 of 6 holdout rows"]


def test_rules_with_a_target_are_measured_as_its_task():
    goal = Goal(judged_as="binary", positive="Yes")
    rows = pl.DataFrame({"x": [0.0] * 3, "y": ["Yes", "No", "No"]})
    scores = pl.DataFrame({"score": [0.9, 0.2, 0.1]})
    found = [
        measured(
            declared(LANGUAGES["python"], X, task=TASKS[task], goal=goal),
            TrainingData(rows, rows, 0, ()),
            scores,
        )
        for task in ("rules", "binary")
    ]
    assert found[0] == found[1]
    assert found[0][0]["auc"] == 1


def test_a_probability_that_falls_from_one_horizon_to_the_next_is_refused_whenever_rows_are_scored():
    task, goal = TASKS["survival"], Goal(event="e", horizons=(90.0, 365.0))
    right = pl.DataFrame({"by90": [0.1, 0.5, None], "by365": [0.2, 0.5 - 1e-9, 0.3]})
    assert task.derive(right, goal).columns == []
    with pytest.raises(ValueError, match="probabilities that fall from one horizon to the next in 1 rows"):
        task.derive(pl.DataFrame({"by90": [0.1, 0.6], "by365": [0.2, 0.5]}), goal)


def test_a_censored_row_is_no_event_and_no_survivor():
    goal = Goal(event="e", horizons=(2.0,))
    model = declared(LANGUAGES["python"], X, ("by2",), task=TASKS["survival"], goal=goal, evaluate="")
    rows = pl.DataFrame({"x": [0.0] * 4, "y": [1.0, 1.5, 3.0, 4.0], "e": [True, False, False, True]})
    values, naive, _ = measured(
        model, TrainingData(rows, rows, 0, ()), pl.DataFrame({"by2": [1.0, 0.7, 0.0, 0.0]})
    )
    assert naive == 0.25  # of four one had its event by 2; the second left before it could
    assert (values["brier"], values["skill"], values["c.by2"]) == (0, 1, 1)
    assert values["ratio.by2"] == pytest.approx((1.7 / 4) / 0.25)
