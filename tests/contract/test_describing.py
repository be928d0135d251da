"""What a worker says of a fitted model and of a table, in words of its language."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType

pytestmark = pytest.mark.usefixtures("in_turn")

ROWS = pl.DataFrame({"x": [0.5, None], "c": ["a", "b"], "y": [1.0, 3.0]})
COLUMNS = (Column("x", ColumnType.FLOAT), Column("c", ColumnType.CATEGORY, ("a", "b", "c")))
LOOKS = {
    "python": {"x": "Float64", "c": "Enum, 3 levels", "y": "Float64"},
    "r": {"x": "numeric", "c": "factor, 3 levels", "y": "numeric"},
    "julia": {
        "x": "Vector{Union{Missing, Float64}}",
        "c": "Categorical{String}, 3 levels",
        "y": "Vector{Float64}",
    },
}
PLAIN = {"python": "2.0", "r": "Min. 1st Qu.  Median    Mean", "julia": "2.0"}


def fitted(lab, case):
    worker = lab.start(case, features=COLUMNS)
    worker.fit([ROWS])
    return worker


def test_a_table_looks_as_the_code_gets_it(lab):
    assert fitted(lab, "mean").look(ROWS) == LOOKS[str(lab.language)]


def test_a_model_describes_itself_in_its_own_words_or_the_languages(lab):
    said = fitted(lab, "described").describe()
    assert said.startswith("the mean is 2")
    assert said.endswith("\nä")
    assert PLAIN[str(lab.language)] in fitted(lab, "mean").describe()


@pytest.mark.parametrize(
    ("case", "what"), [("undescribed", "describe failed.*no words"), ("misdescribed", "must .*return text")]
)
def test_a_failing_description_is_an_error_and_the_worker_goes_on(lab, case, what):
    worker = fitted(lab, case)
    before = worker.score(ROWS)
    with pytest.raises(ModelError, match=what) as caught:
        worker.describe()
    if case == "undescribed":
        assert f"model{lab.models.SUFFIX}:{lab.line(case, 'marker')}" in caught.value.where
    assert worker.score(ROWS).equals(before)


def test_nothing_is_described_before_it_is_fitted(lab):
    with pytest.raises(ModelError, match=r"no (fitted )?model yet|neither fitted nor loaded"):
        lab.start("mean").describe()
