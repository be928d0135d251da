"""Quantiles of a number, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics

from kronkers_batch.learning import Goal, Rows
from kronkers_batch.learning.quantiles import called

CASES = (Goal(quantiles=(0.1, 0.5, 0.9)), Goal(quantiles=(0.025, 0.2, 0.975)), Goal(quantiles=(0.5,)))
TARGETS = ((CASES[0], [1, -2, None]), (CASES[0], [-1.5, 1e300, None]))
WRONG_TARGETS = ((CASES[0], [float("nan"), float("inf"), float("-inf")]),)
WRONG_SCORES: list[list[float]] = []


def drawn(rng, goal):
    centre = rng.normal(size=300) * 2
    truth = centre + rng.normal(size=300)
    score = centre[:, None] + np.linspace(-1, 1, len(goal.quantiles)) + rng.normal(size=(300, 1)) * 0.3
    score[:10] = score[:10, ::-1]  # some cross
    return Rows(truth, score, np.ones(300), goal)


def perfect(rows):
    return np.repeat(rows.truth[:, None], rows.score.shape[1], axis=1)


def pinball(number):
    return lambda rows: metrics.mean_pinball_loss(
        rows.truth, rows.score[:, number], alpha=rows.goal.quantiles[number]
    )


def mean_pinball(rows):
    return sum(pinball(number)(rows) for number in range(len(rows.goal.quantiles))) / len(rows.goal.quantiles)


def crossings(rows):
    return sum(list(row) != sorted(row) for row in rows.score.tolist()) / len(rows.truth)


def coverage(low, high):
    return lambda rows: (
        sum(row[low] <= y <= row[high] for y, row in zip(rows.truth, rows.score, strict=True))
        / len(rows.truth)
    )


def width(low, high):
    return lambda rows: sum(row[high] - row[low] for row in rows.score) / len(rows.truth)


def oracles(goal):
    found = {"pinball": mean_pinball, "crossings": crossings}
    found |= {f"pinball.{called(level)}": pinball(n) for n, level in enumerate(goal.quantiles)}
    bounds = {(0.1, 0.5, 0.9): ("80", 0, 2), (0.025, 0.2, 0.975): ("95", 0, 2)}.get(goal.quantiles)
    if bounds:
        share, low, high = bounds
        found |= {f"coverage.{share}": coverage(low, high), f"width.{share}": width(low, high)}
    return found


def losses(rows):
    return {"pinball": mean_pinball(rows)}
