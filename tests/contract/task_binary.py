"""The probability that something is true, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(), Goal(loss="log"))
NAMED = Goal(positive="Yes")
TARGETS = ((Goal(), [True, False, None]), (Goal(), [0, 1, None]), (Goal(), [0.0, 1.0, None]))
TARGETS += (
    (NAMED, ["Yes", "No", None]),
    (Goal(positive="2"), [1, 2, None]),
    (Goal(positive="false"), [True, False]),
)
WRONG_TARGETS = ((Goal(), [2, -1]), (Goal(), [0.5, float("nan"), float("inf")]))
WRONG_SCORES = [[-0.1], [1.1], [float("inf")]]


def drawn(rng, goal):
    truth = rng.integers(0, 2, 500).astype(float)
    score = np.round(rng.random(500) * 0.6 + 0.38 * truth + 0.01, 2)  # rounded: there are ties
    return Rows(truth, score[:, None], np.ones(500), goal)


def perfect(rows):
    return rows.truth[:, None]


def of(oracle):
    return lambda rows: oracle(rows.truth, rows.score[:, 0])


def log_loss(truth, score):
    return metrics.log_loss(truth, np.clip(score, 1e-15, 1 - 1e-15), labels=[0, 1])


def calibration(rows, *, slope):
    logit = np.log(rows.only / (1 - rows.only))
    if slope:
        found = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logit[:, None], rows.truth)
        return found.coef_[0, 0]
    low, high = -10.0, 10.0  # the mean of what is predicted with a grows with a
    for _ in range(200):
        a = (low + high) / 2
        low, high = (a, high) if (1 / (1 + np.exp(-logit - a))).mean() < rows.truth.mean() else (low, a)
    return (low + high) / 2


def oracles(goal):
    return {
        "auc": of(metrics.roc_auc_score),
        "log_loss": of(log_loss),
        "brier": of(metrics.brier_score_loss),
        "accuracy": of(lambda truth, score: metrics.accuracy_score(truth, score >= 0.5)),
        "base_rate": of(lambda truth, _score: sum(truth) / len(truth)),
        "calibration_slope": lambda rows: calibration(rows, slope=True),
        "calibration_intercept": lambda rows: calibration(rows, slope=False),
    }


def losses(rows):
    return {"brier": of(metrics.brier_score_loss)(rows), "log": of(log_loss)(rows)}
