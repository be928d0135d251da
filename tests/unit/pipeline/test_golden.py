"""Golden rows: which they are, how they are kept, and when two scores of a row are the same."""

from dataclasses import replace

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


def test_a_row_without_each_feature_that_is_declared_with_nulls():
    """A row of the data where there is one, else a usual row; also beyond the number that is kept else."""
    names = [f"x{n}" for n in range(12)]
    model = declared(LANGUAGES["r"], [Column(name, ColumnType.FLOAT) for name in names])
    model = replace(model, features=tuple(replace(f, nulls=f.name > "x3") for f in model.features))
    rows = pl.DataFrame({name: [None if name < "x2" else 1.0, 2.0] for name in names})
    found = golden.odd_rows(model, (rows, rows))
    assert [(odd.what, odd.declared and odd.declared.name) for odd in found] == [
        ("no x0", None), *((f"no {name}", name) for name in names if name > "x3")
    ]  # fmt: skip
    assert all(odd.row[odd.what.removeprefix("no ")].null_count() for odd in found)
    assert found[1].row.drop("x4").equals(rows.drop("x4").head(1))


def test_a_row_with_a_declared_level_that_no_row_has():
    model = declared(LANGUAGES["r"], COLUMNS)
    first = replace(model.features[0], levels=("z", "b", "y", "a"))
    model = replace(model, features=(first, *model.features[1:]))
    found = golden.odd_rows(model, (ROWS, ROWS))
    assert found[0].what == "the declared level z of c"
    assert found[0].declared == first
    assert found[0].row["c"].to_list() == ["z"]
    assert found[0].row.drop("c").equals(ROWS.drop("c").head(1))
    seen = replace(first, levels=("b", "a"))
    found = golden.odd_rows(replace(model, features=(seen, *model.features[1:])), (ROWS, ROWS))
    assert not [odd for odd in found if odd.declared]


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
