"""A count, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(), Goal(exposure="e"))
TARGETS = ((Goal(), [0, 5, None]), (Goal(), [0.0, 3.0, None]))
WRONG_TARGETS = ((Goal(), [-1, -7]), (Goal(), [0.5, float("nan"), float("inf")]))
WRONG_SCORES = [[0.0], [-1.0], [float("-inf")]]


def drawn(rng, goal):
    units = rng.random(400) * 3 + 0.1 if goal.exposure else np.ones(400)
    rate = np.exp(rng.normal(size=400))
    truth = rng.poisson(rate * units).astype(float)
    return Rows(truth, (rate * units * np.exp(rng.normal(size=400) * 0.2))[:, None], units, goal)


def perfect(rows):
    return np.maximum(rows.truth, 1e-300)[:, None]


def of(oracle):
    return lambda rows: oracle(rows.truth, rows.score[:, 0])


def deviance(rows):
    return metrics.mean_poisson_deviance(rows.truth, rows.score[:, 0])


def oracles(goal):
    return {
        "deviance": lambda rows: deviance(rows) * len(rows.truth) / sum(rows.units),
        "dispersion": of(
            lambda truth, mu: sum((y - m) ** 2 / m for y, m in zip(truth, mu, strict=True)) / len(mu)
        ),
        "ratio": of(lambda truth, mu: sum(mu) / sum(truth)),
        "mae": of(metrics.mean_absolute_error),
        "bias": of(lambda truth, mu: sum(mu - truth) / len(mu)),
    }


def losses(rows):
    return {"poisson": deviance(rows)}
