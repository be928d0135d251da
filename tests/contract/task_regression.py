"""A number, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(), Goal(loss="absolute"))
TARGETS = ((Goal(), [1, -2, None]), (Goal(), [-1.5, 1e300, None]))
WRONG_TARGETS = ((Goal(), [float("nan"), float("inf"), float("-inf")]),)
WRONG_SCORES: list[list[float]] = []


def drawn(rng, goal):
    truth = rng.normal(size=300) ** 3
    return Rows(truth, (truth + rng.normal(size=300) * 0.3)[:, None], np.ones(300), goal)


def perfect(rows):
    return rows.truth[:, None]


def of(oracle):
    return lambda rows: oracle(rows.truth, rows.score[:, 0])


def oracles(goal):
    return {
        "rmse": of(metrics.root_mean_squared_error),
        "mae": of(metrics.mean_absolute_error),
        "r2": of(metrics.r2_score),
        "bias": of(lambda truth, score: sum(score - truth) / len(truth)),
    }


def losses(rows):
    return {
        "squared": of(metrics.mean_squared_error)(rows),
        "absolute": of(metrics.mean_absolute_error)(rows),
    }
