"""How well predictions fit what happened: metrics and the naive baseline that they are held against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kronkers_batch.config.spec import Task

Floats = NDArray[np.float64]

BINARY = ("auc", "log_loss", "brier", "accuracy", "base_rate", "skill", "unscored")
REGRESSION = ("rmse", "mae", "r2", "bias", "skill", "unscored")


def metrics(task: Task, truth: Floats, score: Floats, naive: float) -> dict[str, float]:
    """The metrics of one model on rows whose truth is known.

    Args:
        task: Decides which metrics.
        truth: Shape (n,), no NaN; 0 or 1 for ``BINARY``.
        score: Shape (n,); NaN where the model gave no prediction. Those rows count in ``unscored`` (a share)
            and in nothing else.
        naive: The naive prediction: the training rows' mean of the target, for every row.

    Returns:
        Name to value. ``skill`` is 1 - loss / loss of the naive prediction, with the Brier score (binary) or
        the mean squared error (regression) as loss: 0 is no better than naive, 1 is perfect. A metric that is
        undefined (no rows, one class only) is NaN, and misses every threshold.
    """
    known = ~np.isnan(score)
    unscored = float(1 - known.mean()) if len(score) else 0.0
    y, p = truth[known], score[known]
    with np.errstate(all="ignore"):  # of infinite and huge scores: the metrics say it, no warning does
        values = _binary(y, p, naive) if task is Task.BINARY else _regression(y, p, naive)
    return {**values, "unscored": unscored}


def _binary(y: Floats, p: Floats, naive: float) -> dict[str, float]:
    if not len(y):
        return dict.fromkeys(BINARY[:-1], float("nan"))
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    brier = float(np.mean((p - y) ** 2))
    return {
        "auc": auc(y, p),
        "log_loss": float(-np.mean(y * np.log(clipped) + (1 - y) * np.log1p(-clipped))),
        "brier": brier,
        "accuracy": float(np.mean((p >= 0.5) == (y >= 0.5))),
        "base_rate": float(y.mean()),
        "skill": _skill(brier, float(np.mean((naive - y) ** 2))),
    }


def _regression(y: Floats, p: Floats, naive: float) -> dict[str, float]:
    if not len(y):
        return dict.fromkeys(REGRESSION[:-1], float("nan"))
    squared = float(np.mean((p - y) ** 2))
    return {
        "rmse": squared**0.5,
        "mae": float(np.mean(np.abs(p - y))),
        "r2": _skill(squared, float(np.mean((y - y.mean()) ** 2))),
        "bias": float(np.mean(p - y)),
        "skill": _skill(squared, float(np.mean((naive - y) ** 2))),
    }


def _skill(loss: float, reference: float) -> float:
    return 1 - loss / reference if reference > 0 else float("nan")


def auc(y: Floats, p: Floats) -> float:
    """Area under the ROC curve, as the Mann-Whitney statistic with midranks for ties.

    NaN where only one class is present. Source: Hanley and McNeil, Radiology 143 (1982) 29-36.
    """
    positives = int((y >= 0.5).sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    midranks = (last - (counts - 1) / 2)[inverse]
    rank_sum = float(midranks[y >= 0.5].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def names(task: Task) -> tuple[str, ...]:
    """The metrics that a training threshold may name."""
    return BINARY if task is Task.BINARY else REGRESSION


def rounded(values: Mapping[str, float]) -> str:
    """One line for people: ``auc 0.71, brier 0.145``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
