"""What is told of the scores that a version is measured by."""

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS
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
