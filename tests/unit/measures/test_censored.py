"""Censored times against what scikit-survival 0.28.0 gives for them, and where nothing can be said."""

import math

import numpy as np
import pytest

from kronkers_batch.measures.censored import brier, concordance, surviving

TIMES = np.array([0.4, 0.7, 0.9, 1.1, 1.3, 1.6, 1.8, 2.2, 2.5, 2.9, 3.1, 3.8])
EVENTS = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0])
TRUTH = np.where(EVENTS == 1, TIMES, -TIMES)
SCORE = np.array([0.7, 0.5, 0.6, 0.5, 0.3, 0.4, 0.45, 0.35, 0.2, 0.25, 0.3, 0.1])


def test_they_are_what_scikit_survival_gives():
    """`brier_score(y, y, 1 - p, h)`, `concordance_index_ipcw(y, y, p, tau=h)`, `kaplan_meier_estimator`."""
    for horizon, error, order in (
        (1.0, 0.11635416666666669, 1.0),
        (2.0, 0.12365476190476193, 0.9615027068409251),
        (3.0, 0.2352261904761905, 0.8923891752536705),
    ):
        assert brier(TRUTH, SCORE, horizon).mean() == pytest.approx(error, abs=1e-12)
        assert concordance(TRUTH, SCORE, horizon) == pytest.approx(order, abs=1e-12)
    curve = surviving(TRUTH, TIMES)[[0, 2, 3, 5, 7, 8, 10]]
    shares = [11 / 12, 0.825, 0.7333333333333333, 0.6285714285714286]
    shares += [0.5028571428571429, 0.37714285714285717, 0.18857142857142858]
    assert curve == pytest.approx(shares, abs=1e-12)


def test_nothing_is_said_of_what_nobody_observed():
    assert np.isnan(brier(TRUTH, SCORE, 4.0)).all()
    assert math.isnan(concordance(TRUTH, SCORE, 0.4))  # no event before it
    assert math.isnan(concordance(np.array([-1.0, -2.0]), np.array([0.1, 0.2]), 3.0))
    assert concordance(TRUTH, np.full(12, 0.5), 3.0) == 0.5
    assert concordance(TRUTH, -SCORE, 3.0) == pytest.approx(1 - 0.8923891752536705, abs=1e-12)
