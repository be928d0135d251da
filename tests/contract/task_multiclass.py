"""The probability of each of several classes, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics

from kronkers_batch.learning import Goal, Rows

NAMES = ("travel", "a motor", "légal")
CASES = (
    Goal(classes=NAMES),
    Goal(classes=NAMES, loss="brier"),
    Goal(classes=("3", "1", "2", "0"), ordered=True, loss="ranked"),
)
TARGETS = ((CASES[0], ["travel", "légal", None]), (CASES[2], [0, 1, 2, 3, None]))
WRONG_TARGETS = ((CASES[0], ["Travel", "other", ""]), (CASES[2], [4, -1]))
WRONG_SCORES = [[-0.1, 0.6, 0.5], [1.1, 0.0, -0.1], [float("inf"), 0.0, 0.0]]


def drawn(rng, goal):
    k = len(goal.classes)
    truth = rng.integers(0, k, 400)
    raw = rng.random((400, k)) + 0.5 * np.eye(k)[truth]
    return Rows(truth.astype(float), raw / raw.sum(axis=1, keepdims=True), np.ones(400), goal)


def perfect(rows):
    return np.eye(rows.score.shape[1])[rows.truth.astype(int)]


def log_loss(rows):
    return metrics.log_loss(rows.truth, np.clip(rows.score, 1e-15, 1), labels=range(rows.score.shape[1]))


def brier(rows):
    total = 0.0
    for y, given in zip(rows.truth, rows.score, strict=True):
        total += sum((p - (number == y)) ** 2 for number, p in enumerate(given))
    return total / len(rows.truth)


def ranked(rows):
    total, k = 0.0, rows.score.shape[1]
    for y, given in zip(rows.truth, rows.score, strict=True):
        total += sum((sum(given[: m + 1]) - (y <= m)) ** 2 for m in range(k - 1)) / (k - 1)
    return total / len(rows.truth)


def recall(number):
    def found(rows):
        return metrics.recall_score(rows.truth == number, rows.score.argmax(axis=1) == number)

    return found


def oracles(goal):
    found = {
        "log_loss": log_loss,
        "brier": brier,
        "accuracy": lambda rows: metrics.accuracy_score(rows.truth, rows.score.argmax(axis=1)),
    }
    if goal.ordered:
        found["rps"] = ranked
    return found | {f"recall.{name}": recall(number) for number, name in enumerate(goal.classes)}


def losses(rows):
    return {"log": log_loss(rows), "brier": brier(rows), "ranked": ranked(rows)}
