"""Rows as steps of series: what is refused, what is filled, and what a model is asked from an origin."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import DataError, SourceError
from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline import forecasting, origins
from kronkers_batch.pipeline.judged_steps import left_out
from kronkers_batch.pipeline.origins import Origin, origin_of
from kronkers_batch.pipeline.steps import END, LAST, NUMBER, STEP, Grid, grid_of, refuse_late
from tests.model_support import declared

D = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SEEN = Schema(
    (
        Column("store", ColumnType.STRING),
        Column("day", ColumnType.DATE),
        Column("price", ColumnType.FLOAT),
        Column("size", ColumnType.FLOAT),
        Column("rain", ColumnType.FLOAT),
    )
)
FULL = Panel(
    ("store",), "day", "sold", DAY, 2 * DAY, 3 * DAY, ("price",), ("rain",), ("size",), gaps="zero",
    ended=4 * DAY, under=2 * DAY,
)  # fmt: skip


def model_of(**changes: object) -> ModelSpec:
    panel = Panel(**{**{f: getattr(FULL, f) for f in FULL.__dataclass_fields__}, **changes})  # type: ignore[arg-type]
    return declared(
        LANGUAGES["python"], SEEN.columns, task=TASKS["forecast"], goal=Goal(panel=panel), target="sold"
    )


def rows_of(days: dict[str, list[int]], sold: float | None = 1.0) -> pl.DataFrame:
    """Rows of series on so many days after D."""
    found = [
        (store, (D + day * DAY).date(), 2.0, float(len(store)), 0.5, None if sold is None else sold + day)
        for store, own in days.items()
        for day in own
    ]
    names = ["store", "day", "price", "size", "rain", "sold"]
    return pl.DataFrame(found, schema=names, orient="row", schema_overrides={"sold": pl.Float64})


def grid(rows: pl.DataFrame, **changes: object) -> Grid:
    return grid_of(model_of(**changes), rows.sample(fraction=1, shuffle=True, seed=1), D)


def refused(rows: pl.DataFrame, **changes: object) -> str:
    """The words of the refusal of a forecast from D."""
    with pytest.raises(DataError) as error:
        origin_of(grid(rows, **changes), 0, None).history()
    assert error.value.fix
    assert "model/m.yaml" in str(error.value.where)
    return error.value.what


WHOLE = {"a": list(range(-10, 3)), "b": list(range(-6, 3))}


def test_rows_that_cannot_be_steps_of_series_are_refused_with_their_number():
    rows = rows_of(WHOLE)
    first = pl.int_range(pl.len()) == 0
    assert refused(pl.concat([rows, rows[:2]])) == "2 of 24 rows have the series and day of another row"
    assert refused(rows.with_columns(store=pl.when(~first).then("store"))) == "1 of 22 rows have no store"
    assert refused(rows.with_columns(day=pl.when(~first).then("day"))) == "1 of 22 rows have no day"
    stamps = rows.with_columns(day=pl.col("day").cast(pl.Datetime("us", "UTC")))
    moved = stamps.with_columns(
        day=pl.when(first).then(pl.col("day") + dt.timedelta(hours=5)).otherwise("day")
    )
    assert refused(moved) == "the day of 1 of 22 rows is between two steps from the logical date"
    late = stamps.with_columns(day=pl.col("day") + dt.timedelta(hours=5))
    assert refused(late).startswith("the logical date is not a step of the series")
    for other in (9.0, None):
        changing = rows.with_columns(size=pl.when(~first).then("size").otherwise(other))
        assert refused(changing) == "the static column size has several values in 1 of 2 series"
    nothing = rows.with_columns(sold=pl.when(pl.col("day") != (D - 3 * DAY).date()).then("sold"))
    for gaps in ("zero", "error"):
        assert refused(nothing, gaps=gaps) == "2 of 16 rows before the origin have no sold"
    for value, what in (
        (float("nan"), "rows before the origin have no sold"),
        (float("inf"), "is no finite"),
    ):
        odd = rows.with_columns(
            sold=pl.when(pl.col("day") != (D - 3 * DAY).date()).then("sold").otherwise(value)
        )
        assert what in refused(odd)
    below = rows.with_columns(sold=pl.col("sold") - 500)
    assert "in 16 of 16 rows" in refused(below, least=0.0)


def test_rows_that_end_before_the_date_are_late_unless_it_is_always_so():
    with pytest.raises(DataError, match="no series has a row in the last 2 steps before the logical date"):
        refuse_late(grid(rows_of({"a": list(range(-9, -2)), "b": [-5, -3, 0, 1, 2]})))
    for late in ([-9, -8, -3], [-9, -4]):  # without a season there is no such day
        with pytest.raises(DataError, match=f"in the last {-1 - late[-1]} steps"):
            refuse_late(grid(rows_of({"a": late}), season=0 * DAY))
    for days in ([-9, -8, -1], [-9, -7, -5, -2], [0, 1, 2]):  # of a season of two days the second is none
        refuse_late(grid(rows_of({"a": days})))


def test_what_must_be_known_ahead_is_refused_where_it_is_not():
    rows = rows_of(WHOLE)
    one = (pl.col("day") == (D + DAY).date()) & (pl.col("store") == "a")
    assert refused(rows.filter(~one)) == (
        "1 of 6 steps ahead have no row in the source, which must say price for the whole horizon"
    )
    assert refused(rows.with_columns(price=pl.when(~one).then("price"))) == (
        "price is missing in 1 of 6 steps ahead, and is declared as known for the whole horizon"
    )
    nan = rows.with_columns(price=pl.when(~one).then("price").otherwise(float("nan")))
    assert refused(nan).startswith("price is missing in 1 of 6 steps ahead")
    new = pl.concat([rows, rows_of({"c": [0, 1, 2]})])
    assert refused(new, under=0 * DAY) == "1 series have rows from the origin on, and none before it"
    assert origin_of(grid(new), 0, None).new == 1
    assert refused(rows_of({"a": [0, 1, 2]})).startswith("no series can be forecast")
    assert refused(rows_of({"a": [-9]})).startswith("no series can be forecast")


def test_steps_without_a_row_are_an_error_or_zero_or_missing():
    rows = rows_of({"a": [-6, -5, -3, -2, 0, 1, 2], "b": [-4, -3, -2, -1, 0, 1, 2]})
    assert refused(rows, gaps="error") == "2 steps of 1 series have no row in the source"
    for gaps, value in (("zero", 0.0), ("missing", None)):
        found = origin_of(grid(rows, gaps=gaps), 0, None).history()
        a = found.filter(pl.col("store") == "a")
        assert a[STEP].to_list() == [-6, -5, -4, -3, -2, -1]
        assert a["day"].to_list() == [(D + n * DAY).date() for n in range(-6, 0)]
        assert a["sold"].to_list() == [-5, -4, value, -2, -1, value]
        assert a["size"].to_list() == [1.0] * 6
        assert a["rain"].to_list() == [0.5, 0.5, None, 0.5, 0.5, None]
        assert found.height == 10
    lacking = rows.with_columns(sold=pl.when(pl.col("day") != (D - 3 * DAY).date()).then("sold"))
    assert origin_of(grid(lacking, gaps="missing"), 0, None).history()["sold"].null_count() == 4


def test_histories_are_the_same_where_gaps_were_filled_before():
    """Also of a series that ended later, and of one of which the first rows are out of reach."""
    rows = rows_of({"a": [-9, -6, -5, -3, -2], "b": [-8, -4], "c": [-7, -3, -1]})
    for gaps in ("zero", "missing"):
        given = grid(rows, gaps=gaps, future=(), under=0 * DAY)
        ends = given.spans(0).with_columns(
            pl.when(pl.col(LAST) < -3).then(pl.col(LAST) + 1).otherwise(0).alias(END)
        )
        filled = dataclasses.replace(given, rows=given.complete(ends).drop(":there"))
        for step, back in ((0, None), (-1, None), (-2, 5), (0, 4)):
            origin = origin_of(given, step, back)
            again = dataclasses.replace(origin, filled=filled).history()
            assert again.drop(":there").equals(origin.history().drop(":there"))


def test_series_that_ended_or_are_new_are_counted_and_not_forecast():
    days = {
        "here": [-9, -4, 0, 1, 2],
        "ended": [-9, -5],
        "young": [-1, 0, 1, 2],
        "two": [-2, 0, 1, 2],
    }
    found = origin_of(grid(rows_of(days)), 0, None)
    assert found.future["store"].unique().sort().to_list() == ["here", "two"]
    assert (found.ended, found.new, found.leaving) == (1, 1, 0)
    assert found.remarks() == [
        "1 series have ended: they have no row in the last 4 days",
        "1 series are new: their history is shorter than 2 days",
    ]
    everywhere = grid(rows_of(days), under=0 * DAY)
    assert origin_of(everywhere, 0, None).new == 0
    short = origin_of(everywhere, 0, 4)  # and of their history no more than so many steps
    assert short.history().filter(pl.col("store") == "here")[STEP].to_list() == [-4, -3, -2, -1]
    old = grid(rows_of({"here": [-9, -2, 0, 1, 2]}), under=4 * DAY)
    first = origin_of(old, 0, 4)  # a series is as old as its first row, also where its history is shorter
    assert first.new == 0
    assert first.history()[STEP].to_list() == [-4, -3, -2, -1]
    assert first.history()["sold"].to_list() == [0.0, 0.0, -1.0, 0.0]
    ends = pl.DataFrame({NUMBER: [0, 1, 2, 3], END: [3, 3, 2, 3]}, schema_overrides={NUMBER: pl.UInt32})
    leaving = origin_of(everywhere, 0, None, ends)
    assert leaving.leaving == 1


def test_nothing_from_the_origin_on_is_asked_but_what_is_known_ahead():
    rows = pl.concat([rows_of(WHOLE), rows_of({"c": list(range(-70, 3))})])
    given = grid(rows)
    known = Schema((*SEEN.columns[:-1], SEEN["rain"]))
    for step in (0, -2):
        asked = list(
            origin_of(given, step, None).asked(origin_of(given, step, None).history(), known, whole=False)
        )
        for part in asked:
            assert part.history.columns == ["store", "day", "price", "size", "rain", "sold"]
            assert part.future.columns == ["store", "day", "price", "size"]
            assert part.history["day"].max() == (D + (step - 1) * DAY).date()
            assert part.future["day"].min() == (D + step * DAY).date()
            assert part.history["store"].unique().sort().equals(part.future["store"].unique().sort())
            assert part.future.height == 3 * part.future["store"].n_unique()
            assert part.future.select("store", "day").equals(
                part.future.select("store", "day").sort("store", "day")
            )


def test_histories_are_asked_in_parts_and_never_cut(monkeypatch):
    given = grid(rows_of({name: list(range(-n, 3)) for name, n in (("a", 9), ("b", 8), ("c", 50), ("d", 7))}))
    origin = origin_of(given, 0, None)
    monkeypatch.setattr(origins, "CHUNK_ROWS", 20)
    parts = list(origin.asked(origin.history(), SEEN, whole=False))
    assert [part.history["store"].unique().sort().to_list() for part in parts] == [["a", "b"], ["c"], ["d"]]
    assert [part.height for part in parts] == [6, 3, 3]
    whole = origin.question(SEEN)
    assert pl.concat([part.history for part in parts]).equals(whole.history)
    assert pl.concat([part.future for part in parts]).equals(whole.future)
    assert [one.question(SEEN).history.height for one in origin.each()] == [9, 8, 50, 7]
    assert origin.few(2, 100).future["store"].unique().sort().to_list() == ["a", "c"]
    assert origin.few(4, 20).spans[NUMBER].to_list() == [0, 1]
    assert origin.few(4, 1).spans[NUMBER].to_list() == [0]


def by_hand(values: list[float | None], lag: int, ahead: int, levels: tuple[float, ...]) -> list[list[float]]:
    """The naive forecasts of one history, in plain Python."""
    changes = [b - a for a, b in zip(values, values[lag:], strict=False) if a is not None and b is not None]
    scale = sum(map(abs, changes)) / len(changes) if changes else math.nan
    square = sum(c * c for c in changes) / len(changes) if changes else math.nan
    found = []
    for h in range(ahead):
        at = len(values) + h - lag
        while at >= len(values) or (at >= 0 and values[at] is None):
            at -= lag
        last = [v for v in values if v is not None][-1]
        point = values[at] if at >= 0 else last
        quantiles = [point + (float(np.quantile(changes, q)) if changes else 0) for q in levels]
        found.append([point, scale, square, *quantiles])
    return found


def test_the_naive_forecast_is_what_was_there_a_season_before():
    rng = np.random.default_rng(4)
    hours = dt.timedelta(hours=1)
    for season, horizon in ((0, 3), (3, 7), (5, 4)):
        rows, expected = [], []
        for store in "abcdef":
            length = int(rng.integers(2, 20))
            values = [float(v) if rng.random() > 0.2 else None for v in rng.integers(0, 9, length)]
            values[int(rng.integers(length))] = 4.0
            rows += [(store, D + (n - length) * hours, v) for n, v in enumerate(values)]
            expected += by_hand(values, max(1, season), horizon, (0.1, 0.9))
        panel = Panel(("store",), "at", "y", hours, season * hours, horizon * hours, gaps="missing")
        model = declared(LANGUAGES["python"], (), task=TASKS["forecast"], goal=Goal(panel=panel), target="y")
        frame = pl.DataFrame(
            rows, schema={"store": pl.String, "at": pl.Datetime("us", "UTC"), "y": pl.Float64}, orient="row"
        )
        origin: Origin = origin_of(grid_of(model, frame, D), 0, None)
        found = origin.naive(origin.history(), (0.1, 0.9)).fill_null(math.nan).to_numpy()
        np.testing.assert_allclose(found, np.array(expected), rtol=1e-12)
        assert origin.future["at"].to_list()[:horizon] == [D + n * hours for n in range(horizon)]


def test_a_column_that_a_champion_needs_is_named_where_it_is_gone():
    left = Schema((*SEEN.columns[:3], SEEN["rain"], Column("sold", ColumnType.FLOAT)))
    snapshot: Any = SimpleNamespace(schema=left, source="days")
    nobody: Any = None
    with pytest.raises(SourceError, match="the champion of m needs size, which days no longer has"):
        forecasting.scored(nobody, model_of(), snapshot, D.date(), [], SEEN)


def test_no_step_with_a_known_target_is_nothing_to_measure():
    judged = pl.DataFrame({":truth": [None, None]}, schema={":truth": pl.Float64})
    data: Any = None
    with pytest.raises(DataError, match="no step of the holdout has a known sold"):
        forecasting._measured(model_of(), data, [judged])


def test_what_is_left_out_of_the_numbers_is_said():
    given = grid(rows_of(WHOLE))
    origin = origin_of(given, 0, None)
    judged = pl.DataFrame({NUMBER: [0, 0, 1, 1], "naive:scale": [0.5, 0.5, None, None]})
    flat = judged.with_columns(pl.Series("naive:scale", [0.0, 0.0, 1.0, 1.0]))
    assert left_out([dataclasses.replace(origin, leaving=2), origin], [judged, flat]) == [
        "2 forecasts of series that ended within the horizon are not measured",
        "2 of 4 histories are too short or always the same, so they have no scale and count in no scaled "
        "number",
    ]
