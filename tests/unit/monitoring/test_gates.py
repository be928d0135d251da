import math

import polars as pl
import pytest

from kronkers_batch.config.spec import Origin, Threshold
from kronkers_batch.monitoring.gates import OutputStats, judge_metrics, judge_output

HERE = Origin("conf/model/x.yaml", 7, "thresholds")


def limit(name, low=None, high=None):
    return Threshold(name, low, high, HERE)


@pytest.mark.parametrize(
    ("value", "passes"), [(0.6, True), (0.61, True), (0.59, False), (math.nan, False), (None, False)]
)
def test_a_metric_below_missing_or_undefined_misses(value, passes):
    values = {} if value is None else {"auc": value}
    verdict = judge_metrics([limit("auc", low=0.6)], values)
    assert verdict.passed is passes
    if not passes:
        assert "conf/model/x.yaml:7" in verdict.why()


def test_what_compares_with_the_champion_is_not_judged_where_there_is_none():
    limits = [limit("stability.overlap", low=0.6), limit("distinct", low=0.1)]
    values = {"stability.overlap": math.nan, "distinct": 0.05}
    assert len(judge_metrics(limits, values, ("stability.overlap",)).missed) == 1
    assert len(judge_metrics(limits, values).missed) == 2
    assert judge_metrics(limits, values | {"distinct": 1}, ("stability.overlap",)).passed


def test_every_missed_threshold_is_told():
    verdict = judge_metrics([limit("auc", low=0.6), limit("brier", high=0.1)], {"auc": 0.5, "brier": 0.2})
    assert len(verdict.missed) == 2


def stats(*chunks):
    out = OutputStats(("score",))
    for chunk in chunks:
        out.feed(pl.DataFrame({"score": chunk}, schema={"score": pl.Float64}))
    return out.values()


def test_statistics_over_chunks_are_those_of_the_whole():
    whole = stats([0.1, 0.5, None, 0.9, math.nan])
    parts = stats([0.1, 0.5], [None, 0.9], [math.nan], [])
    assert whole == parts
    assert whole["rows"] == 5
    assert whole["null_share"] == pytest.approx(0.4)
    assert (whole["score.min"], whole["score.max"]) == (0.1, 0.9)
    assert whole["score.mean"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("threshold", "passes"),
    [
        (limit("rows", low=5), True),
        (limit("rows", low=6), False),
        (limit("null_share", high=0.4), True),
        (limit("null_share", high=0.3), False),
        (limit("score", low=0, high=1), True),
        (limit("score", low=0.2), False),
        (limit("score", high=0.8), False),
        (limit("score.mean", low=0.4, high=0.6), True),
        (limit("score.mean", high=0.4), False),
    ],
)
def test_an_output_is_held_against_rows_nulls_range_and_mean(threshold, passes):
    assert judge_output([threshold], stats([0.1, 0.5, None, 0.9, math.nan])).passed is passes


def test_an_output_of_nulls_alone_has_no_range_and_misses_it():
    assert not judge_output([limit("score", low=0, high=1)], stats([None, None])).passed


def test_an_empty_output_is_judged_by_its_rows():
    assert judge_output([limit("score", low=0, high=1)], stats()).passed
    assert not judge_output([limit("rows", low=1)], stats()).passed


def test_infinite_scores_miss_a_range():
    assert not judge_output([limit("score", low=0, high=1)], stats([0.5, math.inf])).passed
