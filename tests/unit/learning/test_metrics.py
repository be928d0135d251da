"""What is one metric's alone; the rest is in tests/contract/test_tasks.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kronkers_batch.learning import TASKS, Goal, Rows
from kronkers_batch.learning.binary import auc


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


def test_the_order_of_one_class_is_not_a_number():
    rows = Rows(np.ones(3), np.ones((3, 1)), np.ones(3), Goal())
    assert math.isnan(TASKS["binary"].measured(rows, np.array([0.5]))["auc"])
