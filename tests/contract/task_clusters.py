"""Clusters, for the suite that every kind of task passes."""

import numpy as np
from sklearn.metrics import adjusted_rand_score

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(),)
TARGETS = ()
WRONG_TARGETS = ()
WRONG_SCORES = []


def drawn(rng, goal):
    score = rng.integers(0, 5, 300).astype(float)
    champion = np.where(rng.random(300) < 0.3, rng.integers(0, 4, 300), 9 - score)
    champion[100] = np.nan
    return Rows(np.full(300, np.nan), score[:, None], np.ones(300), goal, champion=champion)


def rand(rows):
    both = ~np.isnan(rows.champion)
    return adjusted_rand_score(rows.champion[both], rows.only[both])


def oracles(goal):
    return {
        "stability.rand": rand,
        "clusters": lambda rows: len(set(rows.only)),
        "largest": lambda rows: max(map(list(rows.only).count, rows.only)) / len(rows.only),
    }


def losses(_rows):
    return {}
