"""Groups of rows that are ordered together: on one side of the holdout, and with an order."""

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.measuring import measured
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.targets import check_values
from kronkers_batch.pipeline.whole_groups import numbers_of, on_one_side
from tests.model_support import declared

X = (Column("x", ColumnType.FLOAT),)
MODEL = declared(LANGUAGES["python"], X, task=TASKS["ranking"], goal=Goal(group="g"))


def rows(groups, relevance=None):
    return pl.DataFrame({"x": range(len(groups)), "g": groups, "y": relevance or [1.0] * len(groups)})


def test_rows_of_a_group_that_is_held_out_are_held_out():
    fit, held = on_one_side(MODEL, rows(["a", "b", "c", "b"]), rows(["b", "d"]))
    assert fit["g"].to_list() == ["a", "c"]
    assert held["g"].to_list() == ["b", "b", "b", "d"]
    plain = declared(LANGUAGES["python"], X)
    assert on_one_side(plain, fit, held) == (fit, held)
    assert numbers_of(plain, held) is None
    assert numbers_of(MODEL, held).to_list() == [1, 1, 1, 2]


def test_rows_without_a_group_and_groups_that_never_end_are_refused():
    with pytest.raises(DataError, match="2 rows have no g, by which rows are ordered together"):
        on_one_side(MODEL, rows(["a", None]), rows([None, "b"]))
    with pytest.raises(DataError, match="every g of the training window has rows in the holdout"):
        on_one_side(MODEL, rows(["a", "b", "a"]), rows(["b", "a"]))


def test_groups_of_one_row_have_no_order():
    some, alone, nothing = (
        rows(["a", "a", "b"], [0.0, 1.0, 2.0]),
        rows(["a", "b"]),
        rows(["a", "a"], [0.0, 0.0]),
    )
    check_values(MODEL, TrainingData(some, some, 0, ()))
    for fit, holdout, says in (
        (
            rows(["a", "b"], [0.0, 1.0]),
            some,
            "no group of the fit part has an order: of 2 groups 2 have one row",
        ),
        (some, alone, "no group of the holdout part has an order: of 2 groups 2 have one row"),
        (some, nothing, "of 1 groups 0 have one row, and in the others nothing is relevant"),
    ):
        with pytest.raises(DataError, match=says):
            check_values(MODEL, TrainingData(fit, holdout, 0, ()))


def test_groups_that_are_left_out_and_rows_that_are_moved_are_told():
    held = rows(["a", "a", "b", "c", "c"], [0.0, 1.0, 3.0, 0.0, 0.0])
    data = TrainingData(held, held, 0, (), groups=numbers_of(MODEL, held), moved=1)
    values, naive, said = measured(MODEL, data, pl.DataFrame({"score": [1.0, 2.0, 0.0, 5.0, 5.0]}))
    assert (values["ndcg"], values["skill"], values["unscored"]) == (1, 1, 0)
    assert naive == pytest.approx(0.8)
    assert said == [
        "1 rows before the holdout are held out too, because others of their group are",
        "2 of 3 groups of the holdout have no order and are left out: 1 have one row, in the others nothing "
        "is relevant",
    ]
