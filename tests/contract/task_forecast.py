"""Forecasts of time series, for the suite that every kind of task passes."""

import datetime as dt
import math

import numpy as np

from kronkers_batch.frames.panel import Panel
from kronkers_batch.learning import Goal
from kronkers_batch.learning.forecast import Steps

PANEL = Panel(("store",), "day", "sold", *map(dt.timedelta, (1, 7, 28)), least=-1000.0, point=0.5, origins=2)
SHORT = Panel(("store",), "day", "sold", *map(dt.timedelta, (1, 0, 2)), least=-1000.0)
CASES = (
    Goal(panel=PANEL),
    Goal(loss="squared", panel=PANEL),
    Goal(panel=SHORT),
    Goal(quantiles=(0.1, 0.5, 0.9), panel=PANEL),
    Goal(quantiles=(0.2, 0.975), panel=Panel(("s",), "t", "y", *map(dt.timedelta, (1, 7, 28)))),
)
TARGETS = ((CASES[0], [1, -2, None, -1000]), (CASES[4], [-1e300, 2.5, None]))
WRONG_TARGETS = ((CASES[0], [float("nan"), float("inf"), -1000.5]), (CASES[4], [float("-inf")]))
WRONG_SCORES = [[-1000.1], [float("-inf")]]


def drawn(rng, goal):
    n, k = 300, max(1, len(goal.quantiles))
    truth = rng.normal(size=n) * 2 + 5
    score = truth[:, None] + np.linspace(-1, 1, k) * (k > 1) + rng.normal(size=(n, 1)) * 0.3
    naive = truth[:, None] + np.linspace(-2, 2, k) * (k > 1) + rng.normal(size=(n, 1))
    scale = np.repeat(rng.gamma(2, 1, 10), 30)
    scale[:30] = 0  # a series that is always the same
    step = np.arange(n) % goal.panel.steps + 1
    own = {"naive": naive, "scale": scale, "square": scale**2 * 1.3, "step": step}
    return Steps(truth, score, np.ones(n), goal, **own)


def perfect(rows):
    return np.repeat(rows.truth[:, None], rows.score.shape[1], axis=1)


def costs(rows):
    """What each step costs by the absolute loss, and by the squared one; None without a scale."""
    levels = rows.goal.quantiles
    for y, scores, scale, square in zip(rows.truth, rows.score, rows.scale, rows.square, strict=True):
        if levels:
            each = [max(q * (y - s), (q - 1) * (y - s)) for q, s in zip(levels, scores, strict=True)]
            cost = sum(each) / len(each)
        else:
            cost = abs(scores[0] - y)
        yield (cost / scale, (scores[0] - y) ** 2 / square) if scale else (None, None)


def losses(rows):
    n = len(rows.truth)
    found = list(costs(rows))
    return {
        name: sum(cost[number] or 0 for cost in found) / n
        for number, name in enumerate(("absolute", "squared"))
    }


def scaled(number):
    def mean(rows):
        known = [cost[number] for cost in costs(rows) if cost[number] is not None]
        return sum(known) / len(known)

    return mean


def point(rows):
    return rows.score[:, 1] if len(rows.goal.quantiles) == 3 else rows.score[:, 0]


def wape(rows):
    pairs = list(zip(point(rows), rows.truth, strict=True))
    return sum(abs(s - y) for s, y in pairs) / sum(abs(y) for _, y in pairs)


def bias(rows):
    return sum(point(rows) - rows.truth) / len(rows.truth)


def crossings(rows):
    return sum(list(each) != sorted(each) for each in rows.score) / len(rows.score)


def coverage(rows):
    inside = [low <= y <= high for y, (low, _, high) in zip(rows.truth, rows.score, strict=True)]
    return sum(inside) / len(inside)


def skill(third):
    def of(rows):
        part = rows.where(np.array([(step - 1) * 3 // 28 == third for step in rows.step]))
        name = rows.goal.loss or "absolute"
        return 1 - losses(part)[name] / losses(part.scored(part.naive))[name]

    return of


def oracles(goal):
    parts = {f"skill.{name}": skill(n) for n, name in enumerate(("early", "middle", "late"))}
    if goal.quantiles == (0.1, 0.5, 0.9):
        more = {"crossings": crossings, "wape": wape, "bias": bias, "coverage.80": coverage}
        return {"spl": scaled(0), **more, **parts}
    if goal.quantiles:
        return {"spl": scaled(0), "crossings": crossings, **parts}
    plain = {"mase": scaled(0), "rmsse": lambda rows: math.sqrt(scaled(1)(rows)), "wape": wape, "bias": bias}
    return plain if goal.panel is SHORT else plain | parts
