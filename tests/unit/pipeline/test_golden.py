"""Golden rows: which they are, how they are kept, and when two scores of a row are the same."""

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Unseen
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline import golden
from tests.model_support import declared

COLUMNS = (
    Column("c", ColumnType.CATEGORY, ("a", "b")),
    Column("s", ColumnType.STRING),
    Column("x", ColumnType.FLOAT),
    Column("n", ColumnType.INTEGER),
)
ROWS = pl.DataFrame({"c": ["a", "b"] * 30, "s": ["u", "v", "w"] * 20, "x": [1.0] * 60, "n": range(60)})
NAN, INF = float("nan"), float("inf")


def test_rows_with_nulls_where_the_data_has_some_and_with_unseen_levels():
    holdout = ROWS.with_columns(x=pl.when(pl.col("n") == 7).then(None).otherwise("x"))
    fit = ROWS.with_columns(s=pl.when(pl.col("n") == 3).then(None).otherwise("s"))
    found = golden.odd_rows(declared(LANGUAGES["r"], COLUMNS), (holdout, fit))
    assert [odd.what for odd in found] == [
        "no s", "no x", "a c that training did not see", "a s that training did not see"
    ]  # fmt: skip
    assert [odd.row.height for odd in found] == [1] * 4
    assert found[0].row["n"].to_list() == [3]
    assert found[1].row["n"].to_list() == [7]
    assert found[2].row["c"].to_list() == ["(never seen)"]
    refusing = golden.odd_rows(declared(LANGUAGES["r"], COLUMNS, unseen=Unseen.ERROR), (ROWS, ROWS))
    assert [odd.what for odd in refusing] == ["a s that training did not see"]


def test_a_level_that_is_called_as_the_unseen_one_is_another():
    rows = ROWS.with_columns(c=pl.lit("(never seen)"))
    found = golden.odd_rows(declared(LANGUAGES["r"], COLUMNS), (rows, ROWS))
    assert found[0].row["c"].to_list() == ["(never seen)?"]


def test_rows_of_one_level_are_those_of_the_last_one():
    found = golden.one_level(ROWS, Schema(COLUMNS))
    assert {name: set(rows[name]) for name, (_, rows) in found.items()} == {"c": {"b"}, "s": {"w"}}
    at, rows = found["s"]
    assert ROWS[at].equals(rows)
    assert (
        golden.one_level(ROWS.with_columns(c=pl.lit("a"), s=pl.lit(None, pl.String)), Schema(COLUMNS)) == {}
    )


def test_what_is_packed_comes_back():
    scores = pl.DataFrame({"p": [1.0, NAN, None]})
    parts = [(ROWS.head(3), scores), (ROWS.tail(1), scores.tail(1))]
    for (rows, one), (rows_back, back) in zip(parts, golden.unpacked(golden.packed(parts)), strict=True):
        assert rows.equals(rows_back)
        assert one.equals(back)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0 + 1e-8, 2.0], True),
        ([1.0, 2.0], [1.0 + 1e-5, 2.0], False),
        ([1.0, 1e-12], [1.0, 2e-12], True),
        ([1e-5, 2e-5], [1.1e-5, 2e-5], False),
        ([NAN, INF, None], [NAN, INF, None], True),
        ([NAN, 1.0], [None, 1.0], False),
        ([INF, INF, 1.0], [INF, INF, 2.0], False),
        ([INF, 1.0], [-INF, 1.0], False),
        ([1e300, 1.0], [1e300, 1.5], False),
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 3], False),
        (["a", None], ["a", None], True),
        (["a"], ["b"], False),
        ([1.0], [1.0, 2.0], False),
        ([1.0], [1], False),
    ],
)
def test_same_scores(one, other, same):
    assert golden.same_scores(pl.DataFrame({"p": one}), pl.DataFrame({"p": other})) is same


def test_histories_are_kept_with_what_was_forecast_from_them():
    history = pl.DataFrame(
        {"s": ["a", "a", "b"], "day": [1, 2, 2], "rain": [None, 0.5, 0.5], "y": [1.0, 2.0, 3.0]}
    )
    future = pl.DataFrame({"s": ["a", "b"], "day": [3, 3]})
    scores = pl.DataFrame({"score": [2.0, None]})
    kept = golden.packed([(Horizon(history, future), scores), (Horizon(history[2:], future[1:]), scores[1:])])
    (first, found), (second, alone) = golden.unpacked(kept)
    assert isinstance(first, Horizon)
    assert isinstance(second, Horizon)
    assert first.history.equals(history)
    assert first.future.select(future.columns).equals(future)
    assert found.equals(scores)
    assert (second.height, second.history.height) == (1, 1)
    assert alone.equals(scores[1:])
