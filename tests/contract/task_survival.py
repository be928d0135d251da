"""Censored times, for the suite that every kind of task passes; oracles go through rows and pairs."""

import numpy as np

from kronkers_batch.learning import Goal, Rows

GOAL = Goal(event="e", horizons=(1.0, 2.5))
CASES = (GOAL, Goal(event="e", horizons=(2.0,)))
TARGETS = ((GOAL, [0.5, 3, None]), (GOAL, [1, 2]))
WRONG_TARGETS = ((GOAL, [0, -1]), (GOAL, [-0.5, float("nan"), float("inf")]))
WRONG_SCORES = [[-0.1, 0.5], [0.5, 1.1]]


def drawn(rng, goal):
    risk, observed = rng.exponential(size=150), rng.uniform(0.2, 5, 150)
    time = rng.exponential(2 / (0.3 + risk))
    ends = np.round(np.minimum(time, observed) + 0.05, 1)  # rounded: events and ends at one time
    score = 1 - np.exp(-np.outer(0.3 + np.round(risk, 1), goal.horizons) / 2.5)
    return Rows(np.where(time <= observed, ends, -ends), score, np.ones(150), goal)


def perfect(rows):
    return np.array([[float(0 < t <= h) for h in rows.goal.horizons] for t in rows.truth])


def product(truth, until, counted):
    """The product over times of 1 - (those that end so) / (those that are there); events come first."""
    share = 1.0
    for time in sorted({abs(t) for t in truth}):
        if until(time):
            there = sum(abs(t) >= time for t in truth) - (0 if counted > 0 else sum(t == time for t in truth))
            ending = sum(t == counted * time for t in truth)
            share *= 1 - ending / there if there else 1
    return share


def uncensored(truth, until):
    return product(truth, until, -1)


def brier(rows, number):
    h, found = rows.goal.horizons[number], 0.0
    for t, p in zip(rows.truth, rows.score[:, number], strict=True):
        if 0 < t <= h:
            found += (1 - p) ** 2 / uncensored(rows.truth, lambda time, t=t: time < t)
        elif abs(t) > h:
            found += p**2 / uncensored(rows.truth, lambda time: time <= h)
    return found / len(rows.truth)


def concordance(rows, number):
    h, right, total = rows.goal.horizons[number], 0.0, 0.0
    for t, p in zip(rows.truth, rows.score[:, number], strict=True):
        if 0 < t < h:
            weight = uncensored(rows.truth, lambda time, t=t: time < t) ** -2
            for other, q in zip(rows.truth, rows.score[:, number], strict=True):
                if abs(other) > t:
                    total += weight
                    right += weight * ((p > q) + 0.5 * (p == q))
    return right / total


def ratio(rows, number):
    share = 1 - product(rows.truth, lambda time: time <= rows.goal.horizons[number], 1)
    return rows.score[:, number].mean() / share


def oracles(goal):
    found = {"brier": lambda rows: losses(rows)["brier"]}
    for i, h in enumerate(goal.horizons):
        for name, oracle in (("brier", brier), ("c", concordance), ("ratio", ratio)):
            found[f"{name}.by{h:g}"] = lambda rows, oracle=oracle, i=i: oracle(rows, i)
    return found


def losses(rows):
    return {"brier": sum(brier(rows, i) for i in range(len(rows.goal.horizons))) / len(rows.goal.horizons)}
