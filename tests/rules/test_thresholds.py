"""What a threshold says"""

from __future__ import annotations

import math

import polars as pl
import pytest

from kronkers_batch.monitoring.gates import OutputStats, judge_metrics, judge_output
from tests.rules.world import HERE, threshold

INFINITE = math.inf


def metrics(value: float | None, low: float | None = None, high: float | None = None) -> tuple[str, ...]:
    values = {} if value is None else {"auc": value}
    return judge_metrics([threshold("auc", low, high)], values).missed


def stats(*scores: float | None) -> dict[str, float]:
    out = OutputStats(("score",))
    out.feed(pl.DataFrame({"score": scores}, schema={"score": pl.Float64}))
    return out.values()


def output(name: str, *scores: float | None, low: float | None = None, high: float | None = None) -> bool:
    return judge_output([threshold(name, low, high)], stats(*scores)).passed


def test_both_bounds_are_allowed():
    """Thresholds are inclusive."""
    assert metrics(0.6, 0.6, 0.8) == metrics(0.8, 0.6, 0.8) == metrics(0.7, 0.6, 0.8) == ()
    assert metrics(0.59, 0.6) == (f"auc 0.59 is below 0.6 ({HERE})",)
    assert metrics(0.81, None, 0.8) == (f"auc 0.81 is above 0.8 ({HERE})",)
    assert metrics(INFINITE, None, 0.8) == (f"auc inf is above 0.8 ({HERE})",)


def test_what_is_undefined_misses():
    """A metric that is missing or NaN misses its threshold."""
    assert metrics(None, 0.6) == metrics(math.nan, None, 0.6) == (f"auc is undefined ({HERE})",)


def test_every_threshold_must_hold():
    """Every threshold must be met. All missed thresholds are reported."""
    thresholds = [threshold("auc", 0.6), threshold("brier", None, 0.1), threshold("mae", None, 2)]
    verdict = judge_metrics(thresholds, {"auc": 0.5, "brier": 0.05, "mae": 3})
    assert not verdict.passed
    assert verdict.missed == (f"auc 0.5 is below 0.6 ({HERE})", f"mae 3 is above 2 ({HERE})")
    assert judge_metrics([], {}).passed


def test_a_column_bounds_each_of_its_values():
    """A threshold on an output's column bounds each value. `COLUMN.mean` bounds the mean."""
    assert output("score", 0.1, 0.9, low=0, high=1)
    assert not output("score", -0.1, 0.9, low=0, high=1)
    assert not output("score", 0.1, 1.1, low=0, high=1)
    assert not output("score", 0.1, INFINITE, low=0, high=1)
    assert output("score.mean", 0.1, 0.9, low=0.5, high=0.5)
    assert not output("score.mean", 0.1, 0.9, high=0.4)


def test_an_output_is_bounded_by_rows_and_nulls():
    """`rows` bounds the number of rows. `null_share` bounds the share of rows with a score that is null, NaN
    or infinite.
    """
    assert output("rows", 0.1, 0.2, low=2, high=2)
    assert not output("rows", 0.1, 0.2, low=3)
    assert output("null_share", 0.1, None, math.nan, 0.2, high=0.5)
    assert not output("null_share", 0.1, None, math.nan, 0.2, high=0.4)
    assert output("null_share", 0.1, INFINITE, -INFINITE, 0.2, high=0.5)
    assert not output("null_share", 0.1, INFINITE, -INFINITE, 0.2, high=0.4)


def test_nulls_are_in_no_range():
    """Nulls and NaN do not count in a range or mean. An output with only nulls and NaN misses every threshold
    on a range or mean.
    """
    assert output("score", 0.1, None, math.nan, low=0, high=1)
    assert stats(0.25, None, math.nan, 0.75)["score.mean"] == pytest.approx(0.5)
    assert not output("score", None, math.nan, low=0, high=1)


def test_no_rows_are_judged_by_their_number():
    """An output without rows misses no threshold on a range. To refuse empty outputs, use a threshold on
    `rows`.
    """
    assert output("score", low=0, high=1)
    assert not output("rows", low=1)
