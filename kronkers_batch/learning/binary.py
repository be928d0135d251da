"""The probability that the target is true (or 1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import (
    ANY,
    LOSS,
    NUMBERS,
    SHARE,
    Goal,
    Loss,
    Metric,
    Refusal,
    Rows,
    Task,
    mean_of,
    outside,
)

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

_TINY = 1e-15  # a probability of 0 for what happened would cost more than everything else
_NEARLY = 1e-6  # beyond it a logit says more of rounding than of the model
_MOST_STEPS = 50
_NAMED = (ColumnType.STRING, ColumnType.CATEGORY, ColumnType.INTEGER, ColumnType.INT32, ColumnType.BOOLEAN)
CLASSES = (
    "score gave nothing but 0 and 1: return probabilities (predict_proba, not predict), or declare the "
    "column boolean"
)
COX = "Cox, Biometrika 45 (1958) 562-565"


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


def squared(rows: Rows) -> Floats:
    """The squared error of a probability."""
    return (rows.only - rows.truth) ** 2


def log_loss(rows: Rows) -> Floats:
    """Minus the logarithm of the probability that was given to what happened."""
    import numpy as np

    clipped = np.clip(rows.only, _TINY, 1 - _TINY)
    return -(rows.truth * np.log(clipped) + (1 - rows.truth) * np.log1p(-clipped))


def accuracy(rows: Rows) -> float:
    """The share of rows where the more probable of the two happened."""
    return float(((rows.only >= 0.5) == (rows.truth >= 0.5)).mean())


def calibration(truth: Floats, score: Floats, *, slope: bool) -> float:
    """How the logits of what happened go with the logits that were predicted, by maximum likelihood.

    Args:
        truth: Shape (n,), 0 or 1.
        score: Shape (n,), probabilities; those nearer to 0 or 1 than 1e-6 count as 1e-6 away.
        slope: True gives b of ``logit P(y) = a + b logit(p)``: below 1, predictions are too extreme. False
            gives a with b fixed at 1: above 0, what is predicted happens more often than it says.

    Returns:
        NaN where it is undefined: one class only, one score only, or scores that part the classes.
    """
    import numpy as np

    if not 0 < truth.mean() < 1 or (slope and score.min() == score.max()):
        return math.nan
    clipped = np.clip(score, _NEARLY, 1 - _NEARLY)
    logit = np.log(clipped / (1 - clipped))
    fixed = np.zeros_like(logit) if slope else logit
    design = np.column_stack([np.ones_like(logit), logit] if slope else [np.ones_like(logit)])
    found = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):  # Newton's
        p = 1 / (1 + np.exp(-(design @ found + fixed)))
        hessian = design.T @ (design * (p * (1 - p))[:, None])
        if not np.isfinite(hessian).all() or np.linalg.cond(hessian) > 1e14:
            return math.nan
        step = np.linalg.solve(hessian, design.T @ (truth - p))
        found = found + step
        if np.abs(step).max() < 1e-12:
            break
    else:
        return math.nan
    return float(found[-1])


def auc_of(rows: Rows) -> float:
    """Area under the ROC curve: the share of pairs of a true and a false row that are in the right order."""
    return auc(rows.truth, rows.only)


def base_rate(rows: Rows) -> float:
    """The share of rows that are true."""
    return float(rows.truth.mean())


def calibration_slope(rows: Rows) -> float:
    """b of ``logit P(y) = a + b logit(p)``, fitted to the rows: below 1, predictions are too extreme."""
    return calibration(rows.truth, rows.only, slope=True)


def calibration_intercept(rows: Rows) -> float:
    """a of ``logit P(y) = a + logit(p)``, fitted to the rows: above 0, more happens than predicted."""
    return calibration(rows.truth, rows.only, slope=False)


HANLEY, BRIER = (
    "Hanley and McNeil, Radiology 143 (1982) 29-36",
    "Brier, Monthly Weather Review 78 (1950) 1-3",
)
METRICS = {
    "auc": Metric(SHARE, ("min",), auc_of, HANLEY),
    "log_loss": Metric(LOSS, ("max",), mean_of(log_loss)),
    "brier": Metric(SHARE, ("max",), mean_of(squared), BRIER),
    "accuracy": Metric(SHARE, ("min",), accuracy),
    "base_rate": Metric(SHARE, (), base_rate),
    "calibration_slope": Metric(ANY, ("min", "max"), calibration_slope, COX),
    "calibration_intercept": Metric(ANY, ("min", "max"), calibration_intercept, COX),
}


class Binary(Task):
    """True or false."""

    predicts = "the probability that the target is true"
    keys = ("positive", "loss")
    measured_types = (*NUMBERS, ColumnType.BOOLEAN)
    losses: ClassVar = {
        "brier": Loss(squared, BRIER),
        "log": Loss(log_loss),
    }
    asked = "binary"
    wrong_score = Refusal(
        "no probability",
        "below 0 or above 1",
        "return the probability that the target is true; or declare task: regression",
    )
    wrong_target = Refusal(
        "neither 0 nor 1",
        "",
        "say which value is true: target: {column: NAME, positive: VALUE}; or derive 0 or 1 in a query "
        "source",
    )

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:
        """Two values of any type that has names, where one of them is said; else a boolean, or 0 and 1."""
        return _NAMED if goal.positive else (ColumnType.BOOLEAN, *NUMBERS)

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - the same for all
        """The same for all."""
        return METRICS

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:
        """0 or 1; any value where one is said to be true."""
        import polars as pl

        if goal.positive or target.dtype == pl.Boolean:
            return target == target
        return (target == 0) | (target == 1)

    def sent(self, column: Column, goal: Goal) -> Column:
        """A boolean, where a value is said to be true."""
        return Column(column.name, ColumnType.BOOLEAN) if goal.positive else column

    def send(self, target: pl.Series, goal: Goal) -> pl.Series:
        """Whether it is the value that is said to be true."""
        import polars as pl

        return target.cast(pl.String) == goal.positive if goal.positive else target

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - the same for all
        """Below 0 or above 1."""
        return outside(scores, 0, 1)

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """How often it was true."""
        import numpy as np

        return np.array([truth.mean()])

    def remarks(self, scores: pl.DataFrame, goal: Goal) -> list[str]:  # noqa: ARG002 - as above
        """Whether the scores are classes in the place of probabilities."""
        given = scores.to_series()
        if not given.dtype.is_float():
            return []
        known = given.fill_nan(None)
        return [CLASSES] if bool(((known == 0) | (known == 1)).all()) else []


KIND = Binary()
