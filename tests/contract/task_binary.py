"""The probability that something is true, for the suite that every kind of task passes."""

import numpy as np
from sklearn import metrics

TARGETS = ([True, False, None], [0, 1, None], [0.0, 1.0, None])
WRONG_TARGETS = ([2, -1], [0.5, float("nan"), float("inf")])
WRONG_SCORES = [-0.1, 1.1, float("inf")]


def drawn(rng):
    return rng.integers(0, 2, 500).astype(float), np.round(rng.random(500), 2)  # rounded: there are ties


ORACLES = {
    "auc": metrics.roc_auc_score,
    "log_loss": lambda truth, score: metrics.log_loss(truth, np.clip(score, 1e-15, 1 - 1e-15)),
    "brier": metrics.brier_score_loss,
    "accuracy": lambda truth, score: metrics.accuracy_score(truth, score >= 0.5),
    "base_rate": lambda truth, _score: sum(truth) / len(truth),
}
