"""The target's values are looked at before the fit; no value of it is told."""

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Task
from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.targets import check_exposure, check_values
from tests.model_support import declared

NAN, INF = float("nan"), float("inf")


def check(
    task: Task, fit: list[object], holdout: list[object], goal: Goal | None = None, **more: list[object]
) -> None:
    model = declared(LANGUAGES["python"], (Column("x", ColumnType.FLOAT),), task=task, goal=goal or Goal())
    frames = [
        pl.DataFrame({"y": values, **{k: v[: len(values)] for k, v in more.items()}}, strict=False)
        for values in (fit, holdout)
    ]
    check_values(model, TrainingData(*frames, 0, ()))


@pytest.mark.parametrize(
    ("task", "fit", "holdout"),
    [
        (TASKS["binary"], [True, False], [True]),
        (TASKS["binary"], [0, 1], [1]),
        (TASKS["binary"], [0.0, 1.0], [1.0]),
        (TASKS["regression"], [1, 2], [3]),
        (TASKS["regression"], [-1.5, 1e300], [0.0]),
    ],
)
def test_values_of_the_task_pass(task, fit, holdout):
    check(task, fit, holdout)


@pytest.mark.parametrize(
    ("task", "fit", "holdout", "said"),
    [
        (TASKS["binary"], [0, 1, 2], [1], "neither 0 nor 1 in 1 of 4 rows"),
        (TASKS["binary"], [0.0, 1.0], [0.5, 1.0], "neither 0 nor 1 in 1 of 4 rows"),
        (TASKS["binary"], [1, 2, 2], [1, 2], "neither 0 nor 1 in 3 of 5 rows"),
        (TASKS["binary"], [0.0, NAN], [1.0], "neither 0 nor 1 in 1 of 3 rows"),
        (TASKS["regression"], [1.0, NAN], [INF], "no finite number (NaN or infinite) in 2 of 3 rows"),
    ],
)
def test_other_values_are_counted_and_refused(task, fit, holdout, said):
    with pytest.raises(DataError) as error:
        check(task, fit, holdout)
    assert error.value.what == f"the target y is {said}"


CLASSES = Goal(classes=("a", "b", "c"))
YES = Goal(positive="Yes")


def refused(*case: object, **more: list[object]) -> str:
    with pytest.raises(DataError) as error:
        check(*case, **more)  # type: ignore[arg-type]
    assert error.value.where
    assert error.value.fix
    return error.value.what


def test_values_with_names_pass() -> None:
    check(TASKS["binary"], ["Yes", "No"], ["Yes"], YES)
    check(TASKS["multiclass"], ["a", "b", "c"], ["c"], CLASSES)  # a class may be absent in the holdout
    check(TASKS["count"], [0, 3], [1], Goal(exposure="e"), e=[0.5, 2])
    check(TASKS["regression"], [0, 3], [1], Goal(weights="w"), w=[0.0, 2.0])


def test_a_target_of_three_values_where_one_is_positive_is_refused() -> None:
    said = refused(TASKS["binary"], ["Yes", "No"], ["no"], YES)
    assert said == "the target y has 3 different values, and positive says one of two"


def test_a_target_of_one_value_teaches_nothing() -> None:
    for task, values, goal in (
        (TASKS["binary"], [True, True], None),
        (TASKS["regression"], [2.5, 2.5], None),
        (TASKS["count"], [0, 0], None),
    ):
        said = refused(task, values, [values[0]], goal)
        assert (
            said == "the target y has the same value in all 2 rows of the fit part: there is nothing to learn"
        )


def test_a_positive_value_that_no_row_has_is_refused() -> None:
    for values in (["yes", "No"], ["No", "No"], ["Yes", "Yes"]):  # misspelt, never, always
        said = refused(TASKS["binary"], values, [values[0]], YES)
        assert said.startswith("the target y is positive in all or none of the 2 rows of the fit part")


def test_a_class_that_no_row_of_the_fit_has_is_refused_by_name() -> None:
    said = refused(TASKS["multiclass"], ["a", "b", "a"], ["c"], CLASSES)
    assert said == "no row of the fit part has the class c, so the model cannot learn it"
    many = Goal(classes=tuple("abcdefgh"))
    said = refused(TASKS["multiclass"], ["a", "b"], ["c"], many)
    assert said.startswith("no row of the fit part has the class c, d, e, f, g and 1 more")


def test_a_value_that_is_no_class_is_counted_and_not_shown() -> None:
    said = refused(TASKS["multiclass"], ["a", "b", "secret"], ["c", "A"], CLASSES)
    assert said == "the target y is no declared class in 2 of 5 rows"


def test_counts_are_whole_and_not_negative() -> None:
    said = refused(TASKS["count"], [0.0, 1.5, -1.0, NAN], [2.0])
    assert said == "the target y is no count (a whole number from 0 on) in 3 of 5 rows"


def test_weights_that_are_none_are_counted() -> None:
    said = refused(TASKS["regression"], [1, 2, 3, 4], [5], Goal(weights="w"), w=[1.0, -1.0, None, INF])
    assert said == "the weights w are missing, negative or no finite number in 3 of 4 rows"
    said = refused(TASKS["regression"], [1, 2], [5], Goal(weights="w"), w=[0.0, 0.0])
    assert said == "the weights w are 0 in all 2 rows of the fit part"


def test_an_exposure_is_more_than_nothing_in_fit_holdout_and_night() -> None:
    goal = Goal(exposure="e")
    said = refused(TASKS["count"], [1, 2, 3, 4], [5], goal, e=[1.0, 0.0, None, -2.0])
    assert said == "the exposure e is missing, 0, negative or no finite number in 3 of 4 rows"
    model = declared(LANGUAGES["python"], (Column("x", ColumnType.FLOAT),), task=TASKS["count"], goal=goal)
    with pytest.raises(DataError, match="no finite number in 1 of 2"):
        check_exposure(model, pl.DataFrame({"e": [1.0, NAN]}))
    holdout = pl.DataFrame({"y": [1], "e": [0.0]})
    with pytest.raises(DataError, match="in 1 of 1 rows"):
        check_values(model, TrainingData(pl.DataFrame({"y": [1, 2], "e": [1.0, 1.0]}), holdout, 0, ()))


def test_more_rows_than_any_scoring_window_has_are_not_chosen() -> None:
    model = declared(
        LANGUAGES["python"],
        (Column("x", ColumnType.FLOAT),),
        task=TASKS["anomaly"],
        target="",
        target_type=None,
        goal=Goal(top=2),
    )
    rows = pl.DataFrame({"x": [1.0, 2, 3]})
    check_values(model, TrainingData(rows, rows, 0, ()))
    check_values(model, TrainingData(rows, rows, 0, (), groups=pl.Series([0, 0, 0])))
    with pytest.raises(DataError, match=r"decision.top is 2, and no scoring window .* more than 2 rows"):
        check_values(model, TrainingData(rows, rows, 0, (), groups=pl.Series([0, 0, 1])))
    with pytest.raises(DataError, match="more than 1 rows"):
        check_values(model, TrainingData(rows, rows[:1], 0, ()))


def test_events_are_0_or_1_happen_and_rows_last_beyond_the_horizons() -> None:
    goal = Goal(event="e", horizons=(1.0, 3.0))
    survival = TASKS["survival"]
    check(survival, [1, 2, 4], [2, 5], goal, e=[1, 0, 0])
    check(survival, [1.5, 2, 4], [2, 5], goal, e=[True, False, False])
    for fit, holdout, events, says in (
        ([1, 2, 4], [5], [1, 2, None], "the event e is missing, or neither 0 nor 1, in 2 of 3 rows"),
        ([1, 2, 4], [5], [0, 0, 0], "the event e happened in none of 3 rows: there is nothing to learn"),
        ([1, 2, 3], [5], [1, 0, 0], "no row of the fit part is observed for longer than the horizon 3"),
        ([1, 2, 4], [3], [1, 0, 0], "no row of the holdout part is observed for longer than the horizon 3"),
        ([1, 0, 4], [5], [1, 0, 0], "the target y is no time (a finite number above 0) in 1 of 4 rows"),
    ):
        assert refused(survival, fit, holdout, goal, e=events) == says
