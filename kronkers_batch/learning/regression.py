"""A number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.learning import ANY, GAIN, LOSS, NUMBERS, Goal, Loss, Metric, Refusal, Rows, Task, gain

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.frames.schema import ColumnType
    from kronkers_batch.learning import Floats

NOT_FINITE = Refusal(
    "no finite number (NaN or infinite)", "", "make them null in a query source: such rows are left out"
)


def squared(rows: Rows) -> Floats:
    """The squared error of each row. Its mean is least for the mean of what may happen."""
    return (rows.only - rows.truth) ** 2


def absolute(rows: Rows) -> Floats:
    """The absolute error of each row. Its mean is least for the median of what may happen."""
    import numpy as np

    return np.abs(rows.only - rows.truth)


def rmse(rows: Rows) -> float:
    """The root of the mean squared error."""
    return math.sqrt(squared(rows).mean())


def mae(rows: Rows) -> float:
    """The mean absolute error."""
    return float(absolute(rows).mean())


def r2(rows: Rows) -> float:
    """The share of the variance of these rows' target that is explained."""
    return gain(float(squared(rows).mean()), float(rows.truth.var()))


def bias(rows: Rows) -> float:
    """How much too high the predictions are on average."""
    return float((rows.only - rows.truth).mean())


METRICS = {
    "rmse": Metric(LOSS, ("max",), rmse),
    "mae": Metric(LOSS, ("max",), mae),
    "r2": Metric(GAIN, ("min",), r2),
    "bias": Metric(ANY, ("min", "max"), bias),
}


class Regression(Task):
    """A number."""

    predicts = "a number"
    keys = ("loss",)
    measured_types = NUMBERS
    losses: ClassVar = {"squared": Loss(squared), "absolute": Loss(absolute)}
    asked = "regression"
    wrong_score = Refusal("no number", "no number", "return numbers")
    wrong_target = NOT_FINITE

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers."""
        return NUMBERS

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - as above
        """The same for all."""
        return METRICS

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """Finite."""
        return target.is_finite()

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Every number may be."""
        return 0

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """What costs least: the mean, or for absolute errors the median."""
        import numpy as np

        return np.array([np.median(truth) if goal.loss == "absolute" else truth.mean()])


KIND = Regression()
