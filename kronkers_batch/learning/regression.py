"""A number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.learning import (
    ANY,
    GAIN,
    LOSS,
    NUMBERS,
    SCORE,
    Metric,
    Refusal,
    Task,
    gain,
    squared_error,
)

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats


def rmse(truth: Floats, score: Floats) -> float:
    """The root of the mean squared error."""
    return math.sqrt(squared_error(truth, score))


def mae(truth: Floats, score: Floats) -> float:
    """The mean absolute error."""
    import numpy as np

    return float(np.mean(np.abs(score - truth)))


def r2(truth: Floats, score: Floats) -> float:
    """The share of the variance of these rows' target that is explained."""
    return gain(squared_error(truth, score), squared_error(truth, float(truth.mean())))


def bias(truth: Floats, score: Floats) -> float:
    """How much too high the predictions are on average."""
    import numpy as np

    return float(np.mean(score - truth))


class Regression(Task):
    """A number."""

    predicts = "a number"
    target_types = NUMBERS
    columns = SCORE
    measured_types = NUMBERS
    metrics: ClassVar = {
        "rmse": Metric(LOSS, ("max",), rmse),
        "mae": Metric(LOSS, ("max",), mae),
        "r2": Metric(GAIN, ("min",), r2),
        "bias": Metric(ANY, ("min", "max"), bias),
    }
    asked = "regression"
    score_range = ANY
    wrong_score = Refusal("no number", "no number", "return numbers")
    wrong_target = Refusal(
        "no finite number (NaN or infinite)",
        "",
        "make them null in a query source: such rows are left out",
    )

    def fits_target(self, target: pl.Series) -> pl.Series:
        """Finite."""
        return target.is_finite()

    def naive(self, target: Floats) -> float:
        """The mean."""
        return float(target.mean())

    def loss(self, truth: Floats, score: Floats | float) -> float:
        """The mean squared error."""
        return squared_error(truth, score)


KIND = Regression()
