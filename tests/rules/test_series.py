"""Forecasts of time series"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.declared.windows import predicted_window, scoring_window
from kronkers_batch.frames.schema import Schema
from kronkers_batch.pipeline.origins import origin_of
from kronkers_batch.pipeline.steps import STEP
from tests.model_support import declared
from tests.unit.pipeline.test_series import DAY, SEEN, WHOLE, D, grid, model_of, rows_of


def test_a_night_reads_the_history_and_what_is_known_ahead() -> None:
    """A forecast for D reads `window.train` before D (`history`, where that is longer): how old a series is
    shows in its first row. Where a column is known ahead, it also reads the horizon from D on."""
    source: Any = SimpleNamespace(time_column="day", kind="csv")
    date = D.date()
    window = scoring_window(model_of(), source, date)
    assert (window.start, window.end) == (D - DAY, D + 3 * DAY)  # the model's window.train is a day
    assert scoring_window(model_of(future=()), source, date).end == D
    assert scoring_window(model_of(history=9 * DAY), source, date).start == D - 9 * DAY
    model = model_of(history=9 * DAY)
    months = replace(model, windows=replace(model.windows, train=90 * DAY))
    assert scoring_window(months, source, date).start == D - 90 * DAY
    ahead = predicted_window(model_of(), window, date)
    assert (ahead.start, ahead.end) == (D, D + 3 * DAY)
    assert predicted_window(declared(LANGUAGES["python"], ()), window, date) == window


def test_nothing_from_the_origin_on_is_asked_but_what_is_known_ahead() -> None:
    """The origin of a night is D, at midnight UTC. Of the rows from the origin on, a model gets the columns
    that are known ahead or do not change, and nothing else."""
    given = grid(rows_of(WHOLE))
    for step in (0, -2):
        origin = origin_of(given, step, None)
        asked = origin.question(Schema(SEEN.columns))
        assert asked.history["day"].max() == (D + (step - 1) * DAY).date()
        assert asked.future.columns == ["store", "day", "price", "size"]
        assert set(asked.future["day"]) == {(D + n * DAY).date() for n in range(step, step + 3)}


def test_series_that_ended_or_are_new_get_no_forecast() -> None:
    """A series without a row in the last `ended` before the origin gets no forecast. Neither does a series
    whose first row is less than `new_series.under` before it. Both are counted, and the run says how many."""
    days = {"here": [-9, -4], "ended": [-9, -5], "two": [-2], "young": [-1]}
    found = origin_of(grid(rows_of(days), future=()), 0, None)
    assert found.future["store"].unique().sort().to_list() == ["here", "two"]
    assert [remark.split(":")[0] for remark in found.remarks()] == ["1 series have ended", "1 series are new"]


def test_a_step_without_a_row_is_what_gaps_says() -> None:
    """A step without a row is an error, a target of zero or a missing target, as `gaps` says."""
    rows = rows_of({"a": [-6, -5, -3, -2]})
    for gaps, value in (("zero", 0.0), ("missing", None)):
        found = origin_of(grid(rows, gaps=gaps, future=()), 0, None).history()
        assert dict(zip(found[STEP], found["sold"], strict=True))[-4] == value
