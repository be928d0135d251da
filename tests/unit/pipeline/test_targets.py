"""The target's values are looked at before the fit; no value of it is told."""

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Task
from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.targets import check_target
from tests.model_support import declared

NAN, INF = float("nan"), float("inf")


def check(task: Task, fit: list[object], holdout: list[object]) -> None:
    model = declared(LANGUAGES["python"], (Column("x", ColumnType.FLOAT),), task=task)
    frames = [pl.DataFrame({"y": values}) for values in (fit, holdout)]
    check_target(model, TrainingData(*frames, 0, ()))


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
