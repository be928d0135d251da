"""How far two versions agree on the same rows."""

import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from kronkers_batch.measures.agreement import adjusted_rand, in_top, overlap


def test_the_adjusted_rand_index_is_that_of_scikit_learn_and_does_not_hang_on_names():
    rng = np.random.default_rng(2)
    for rows in (2, 3, 50, 4_000):
        for clusters in (1, 2, 7):
            one = rng.integers(0, clusters, rows)
            other = np.where(rng.random(rows) < 0.4, rng.integers(0, clusters, rows), one)
            expected = adjusted_rand_score(one, other)
            assert adjusted_rand(one, other) == pytest.approx(expected, abs=1e-12)
            assert adjusted_rand(other, one) == pytest.approx(expected, abs=1e-12)
            swapped = rng.permutation(clusters)[other] - 3.0
            assert adjusted_rand(one, swapped) == pytest.approx(expected, abs=1e-12)
            order = rng.permutation(rows)
            assert adjusted_rand(one[order], other[order]) == pytest.approx(expected, abs=1e-12)
    assert math.isnan(adjusted_rand(np.array([1]), np.array([2])))
    assert adjusted_rand(np.arange(90_000), np.zeros(90_000)) == 0


def test_ties_at_the_edge_of_the_top_share_its_places():
    assert in_top(np.array([3.0, 1, 2, 1, 0]), 3).tolist() == [1, 0.5, 1, 0.5, 0]
    assert in_top(np.array([3.0, 1, 2]), 3).tolist() == [1, 1, 1]
    tied = np.array([5.0, 5, 5, 5, 1])
    assert overlap(tied, tied, 2) == 1
    assert overlap(tied, tied[::-1].copy(), 2) == 0.75  # of four that share two places, one lost its share


def test_the_overlap_of_unrelated_scores_is_what_chance_gives():
    rng = np.random.default_rng(4)
    found = [overlap(rng.random(500), rng.random(500), 50) for _ in range(300)]
    assert np.mean(found) == pytest.approx(0.1, abs=0.01)
    score = rng.random(500)
    assert overlap(score, np.exp(7 * score), 50) == 1
    assert overlap(score, -score, 50) == 0
