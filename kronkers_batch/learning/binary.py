"""The probability that the target is true (or 1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import LOSS, NUMBERS, SCORE, SHARE, Metric, Refusal, Task, squared_error

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

_TINY = 1e-15  # a probability of 0 for what happened would cost more than everything else
CLASSES = (
    "score gave nothing but 0 and 1: return probabilities (predict_proba, not predict), or declare the "
    "column boolean"
)


def auc(truth: Floats, score: Floats) -> float:
    """Area under the ROC curve, as the Mann-Whitney statistic with midranks for ties.

    NaN where only one class is present.
    """
    import numpy as np

    positives = int((truth >= 0.5).sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    midranks = (last - (counts - 1) / 2)[inverse]
    rank_sum = float(midranks[truth >= 0.5].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(truth: Floats, score: Floats) -> float:
    """The mean of minus the logarithm of the probability that was given to what happened."""
    import numpy as np

    clipped = np.clip(score, _TINY, 1 - _TINY)
    return float(-np.mean(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped)))


def accuracy(truth: Floats, score: Floats) -> float:
    """The share of rows where the more probable of the two happened."""
    import numpy as np

    return float(np.mean((score >= 0.5) == (truth >= 0.5)))


def base_rate(truth: Floats, _score: Floats) -> float:
    """The share of rows that are true."""
    return float(truth.mean())


class Binary(Task):
    """True or false."""

    predicts = "the probability that the target is true"
    target_types = (
        ColumnType.BOOLEAN,
        ColumnType.INTEGER,
        ColumnType.INT32,
        ColumnType.FLOAT,
        ColumnType.FLOAT32,
    )
    columns = SCORE
    measured_types = (*NUMBERS, ColumnType.BOOLEAN)
    metrics: ClassVar = {
        "auc": Metric(SHARE, ("min",), auc, "Hanley and McNeil, Radiology 143 (1982) 29-36"),
        "log_loss": Metric(LOSS, ("max",), log_loss),
        "brier": Metric(SHARE, ("max",), squared_error, "Brier, Monthly Weather Review 78 (1950) 1-3"),
        "accuracy": Metric(SHARE, ("min",), accuracy),
        "base_rate": Metric(SHARE, (), base_rate),
    }
    asked = "binary"
    score_range = (0.0, 1.0)
    wrong_score = Refusal(
        "no probability",
        "below 0 or above 1",
        "return the probability that the target is true; or declare task: regression",
    )
    wrong_target = Refusal(
        "neither 0 nor 1",
        "",
        "derive 0 or 1 (or a boolean) in a query source, or declare task: regression",
    )

    def fits_target(self, target: pl.Series) -> pl.Series:
        """0 or 1."""
        return (target == 0) | (target == 1)

    def naive(self, target: Floats) -> float:
        """How often it was true."""
        return float(target.mean())

    def loss(self, truth: Floats, score: Floats | float) -> float:
        """The Brier score."""
        return squared_error(truth, score)

    def remarks(self, given: pl.Series) -> list[str]:
        """Whether the scores are classes in the place of probabilities."""
        if not given.dtype.is_float():
            return []
        known = given.fill_nan(None)
        return [CLASSES] if bool(((known == 0) | (known == 1)).all()) else []


KIND = Binary()
