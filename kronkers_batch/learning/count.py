"""How often something happens, over an exposure where one is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import ANY, LOSS, NUMBERS, Goal, Loss, Metric, Refusal, Rows, Task
from kronkers_batch.learning.regression import bias, mae

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

POISSON = "McCullagh and Nelder, Generalized Linear Models (1989), 2.3 and 6.2"


def deviances(rows: Rows) -> Floats:
    """The Poisson deviance of each row: ``2 (y ln(y / mu) - (y - mu))``, and ``2 mu`` where y is 0."""
    import numpy as np

    y, mu = rows.truth, rows.only
    logs = np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / mu), 0.0)
    return 2 * (logs - (y - mu))


def per_exposure(rows: Rows) -> float:
    """The sum of the deviances divided by the sum of the exposures."""
    return float(deviances(rows).sum() / rows.units.sum())


def dispersion(rows: Rows) -> float:
    """The mean of ``(y - mu)^2 / mu``: 1 where counts are Poisson's, more where they vary more than that."""
    return float(((rows.truth - rows.only) ** 2 / rows.only).mean())


def ratio(rows: Rows) -> float:
    """The sum of the predictions divided by the sum of the targets; NaN if nothing happened."""
    happened = float(rows.truth.sum())
    return float(rows.only.sum()) / happened if happened else float("nan")


METRICS = {
    "deviance": Metric(LOSS, ("max",), per_exposure, POISSON),
    "dispersion": Metric(LOSS, ("max",), dispersion, POISSON),
    "ratio": Metric(LOSS, ("min", "max"), ratio),
    "mae": Metric(LOSS, ("max",), mae),
    "bias": Metric(ANY, ("min", "max"), bias),
}


class Count(Task):
    """A count."""

    predicts = "how often something happens, over the exposure of the row"
    keys = ("exposure",)
    measured_types = (ColumnType.FLOAT, ColumnType.FLOAT32)
    losses: ClassVar = {"poisson": Loss(deviances, POISSON)}
    asked = "regression"
    wrong_score = Refusal(
        "no expected count",
        "0 or below",
        "return how often it is expected to happen, which is more than 0 (in R, predict_arguments: "
        "{type: response})",
    )
    wrong_target = Refusal(
        "no count (a whole number from 0 on)",
        "",
        "make them null in a query source: such rows are left out; or declare task: regression",
    )

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers."""
        return NUMBERS

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - as above
        """The same for all."""
        return METRICS

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """Whole, and not negative."""
        import polars as pl

        number = target.cast(pl.Float64)
        return number.is_finite() & (number >= 0) & (number == number.round())

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """0 or below: what happens all the same would cost without end."""
        import polars as pl

        return int((scores.to_series().cast(pl.Float64).fill_nan(None) <= 0).sum())

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """The sum of the targets divided by the sum of the exposures."""
        import numpy as np

        return np.array([truth.sum() / units.sum()])

    def naive_scores(self, naive: Floats, rows: Rows) -> Floats:
        """The rate, over the exposure of each row."""
        return rows.units[:, None] * naive


KIND = Count()
