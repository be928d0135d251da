import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from kronkers_batch.learning import TASKS
from kronkers_batch.learning.binary import auc


def test_binary_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 500).astype(float)
    score = np.round(rng.random(500), 2)  # rounded, so that there are ties
    got = TASKS["binary"].measured(truth, score, naive=0.4)
    assert got["auc"] == pytest.approx(reference.roc_auc_score(truth, score), abs=1e-12)
    assert got["log_loss"] == pytest.approx(
        reference.log_loss(truth, np.clip(score, 1e-15, 1 - 1e-15)), abs=1e-9
    )
    assert got["brier"] == pytest.approx(reference.brier_score_loss(truth, score), abs=1e-12)
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(truth, score >= 0.5))
    assert set(got) == set(TASKS["binary"].ranges)


def test_regression_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(4)
    truth = rng.normal(size=300)
    score = truth + rng.normal(size=300) * 0.3
    got = TASKS["regression"].measured(truth, score, naive=0.1)
    assert got["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, score))
    assert got["mae"] == pytest.approx(reference.mean_absolute_error(truth, score))
    assert got["r2"] == pytest.approx(reference.r2_score(truth, score))
    assert set(got) == set(TASKS["regression"].ranges)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    y = np.array([float(a) for a, _ in pairs])
    p = np.array([float(b) for _, b in pairs])
    ups, downs = p[y == 1], p[y == 0]
    if not len(ups) or not len(downs):
        assert math.isnan(auc(y, p))
        return
    right = sum((u > d) + 0.5 * (u == d) for u in ups for d in downs)
    assert auc(y, p) == pytest.approx(right / (len(ups) * len(downs)))


def test_the_naive_prediction_has_no_skill_and_the_truth_has_all():
    truth = np.array([0.0, 1.0, 1.0, 0.0])
    assert TASKS["binary"].measured(truth, np.full(4, 0.3), naive=0.3)["skill"] == 0
    assert TASKS["binary"].measured(truth, truth, naive=0.3)["skill"] == 1


def test_rows_without_a_prediction_count_as_unscored_and_in_nothing_else():
    truth = np.array([0.0, 1.0, 1.0, 0.0])
    score = np.array([0.1, np.nan, 0.9, 0.2])
    got = TASKS["regression"].measured(truth, score, naive=0.5)
    assert got["unscored"] == 0.25
    assert got["mae"] == pytest.approx((0.1 + 0.1 + 0.2) / 3)


def test_nothing_to_measure_is_not_a_number():
    none = np.array([])
    assert math.isnan(TASKS["binary"].measured(none, none, naive=0.5)["auc"])
    assert math.isnan(TASKS["binary"].measured(np.ones(3), np.ones(3), naive=0.5)["auc"])
