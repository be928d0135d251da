"""The future of many time series: a number for each series and step ahead, or quantiles of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import (
    ANY,
    BEYOND,
    GAIN,
    LOSS,
    NUMBERS,
    SCORE,
    SHARE,
    Goal,
    Loss,
    Metric,
    Refusal,
    Rows,
    Task,
    gain,
)
from kronkers_batch.learning.quantiles import KIND as QUANTILES
from kronkers_batch.learning.quantiles import called, coverage, crossings, intervals, pinball

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from kronkers_batch.learning import Floats
    from kronkers_batch.measures.measured_rows import Ints

MASE = "Hyndman and Koehler, International Journal of Forecasting 22 (2006) 679-688"
M5 = "Makridakis, Spiliotis and Assimakopoulos, International Journal of Forecasting 38 (2022) 1346-1364"
M5_QUANTILES = "Makridakis et al., International Journal of Forecasting 38 (2022) 1365-1385"
PARTS = ("early", "middle", "late")
"""The thirds of the horizon."""


@dataclass(frozen=True)
class Steps(Rows):
    """Forecast steps whose truth is known, each of one series from one origin.

    Attributes:
        naive: Shape (n, k): the seasonal naive forecast from the same origin.
        scale: Shape (n,): the mean absolute difference of a season in the series' history up to the origin.
        square: Shape (n,): the mean of the squares of these differences. Both are NaN or 0 where the history
            is too short, or always the same: such a step counts in no scaled number.
        step: Shape (n,): how many steps ahead it is, from 1.
    """

    naive: Floats = field(kw_only=True)
    scale: Floats = field(kw_only=True)
    square: Floats = field(kw_only=True)
    step: NDArray[np.int64] = field(kw_only=True)

    def where(self, which: NDArray[np.bool_] | Ints) -> Rows:
        """Some of the steps."""
        return replace(
            super().where(which),
            naive=self.naive[which],  # type: ignore[call-arg]  # of this class, as Rows.where keeps it
            scale=self.scale[which],
            square=self.square[which],
            step=self.step[which],
        )

    @property
    def scaled(self) -> NDArray[np.bool_]:
        """Which steps count in scaled numbers."""
        found: NDArray[np.bool_] = self.scale > 0
        return found

    @property
    def point(self) -> Floats:
        """The forecast itself: the score, or the quantile that counts as it."""
        panel, levels = self.goal.panel, self.goal.quantiles
        level = panel.point if panel else None
        found: Floats = self.score[:, levels.index(level) if level in levels else 0]
        return found


def steps(rows: Rows) -> Steps:
    """Rows that are steps. Raises TypeError where they are others."""
    if not isinstance(rows, Steps):
        raise TypeError("a forecast is measured on steps of series")
    return rows


def absolute(rows: Rows) -> Floats:
    """The absolute error (of quantiles their mean pinball loss), divided by the seasonal scale of the series.

    The scale is the mean absolute difference between two values a season apart, in the history up to the
    origin. A step of a series without one costs nothing, for the model and for the naive forecast.
    """
    import numpy as np

    each = steps(rows)
    cost = pinball(each) if each.goal.quantiles else np.abs(each.only - each.truth)
    return np.divide(cost, each.scale, out=np.zeros(len(cost)), where=each.scaled)


def squared(rows: Rows) -> Floats:
    """The squared error, divided by the mean squared difference of a season in the history of the series."""
    import numpy as np

    each = steps(rows)
    cost = (each.only - each.truth) ** 2
    return np.divide(cost, each.square, out=np.zeros(len(cost)), where=each.square > 0)


def _mean(formula: Callable[[Rows], Floats], rows: Rows) -> float:
    found = steps(rows).where(steps(rows).scaled)
    return float(formula(found).mean()) if len(found.truth) else math.nan


def mase(rows: Rows) -> float:
    """The mean of the absolute errors, each divided by the seasonal scale of its series.

    Below 1, the forecast is better than the seasonal naive one was, one season ahead, in the history.
    """
    return _mean(absolute, rows)


def rmsse(rows: Rows) -> float:
    """The root of the mean of the squared errors, each divided by the squared scale of its series."""
    return math.sqrt(_mean(squared, rows))


def spl(rows: Rows) -> float:
    """The mean of the pinball losses over the quantiles, each divided by the seasonal scale of its series."""
    return _mean(absolute, rows)


def wape(rows: Rows) -> float:
    """The sum of the absolute errors divided by the sum of the absolute targets; NaN if all are 0."""
    import numpy as np

    each = steps(rows)
    total = float(np.abs(each.truth).sum())
    return float(np.abs(each.point - each.truth).sum()) / total if total else math.nan


def bias(rows: Rows) -> float:
    """How much too high the forecasts are on average."""
    each = steps(rows)
    return float((each.point - each.truth).mean())


def skill_of(number: int, rows: Rows) -> float:
    """`skill` of the steps in this third of the horizon alone."""
    each = steps(rows)
    ahead = each.goal.panel.steps if each.goal.panel else 1
    part = steps(each.where((each.step - 1) * len(PARTS) // ahead == number))
    if not len(part.truth):
        return math.nan
    cost, reference = KIND.loss(part), KIND.loss(part.scored(part.naive))
    return gain(float(cost.mean()), float(reference.mean()))


class Forecast(Task):
    """The next steps of many series."""

    predicts = "the next steps of many time series"
    keys = ("loss", "quantiles")
    example = Goal(panel=Panel(("store",), "day", "sold", dt.timedelta(1), dt.timedelta(7), dt.timedelta(28)))
    measured_types = NUMBERS
    losses: ClassVar = {"absolute": Loss(absolute, MASE), "squared": Loss(squared, M5)}
    asked = "forecast"
    of_series = True
    refits = True
    wrong_score = Refusal(
        "a forecast below target.min", "below target.min", "do not forecast less than there can be: max(0, x)"
    )
    wrong_target = Refusal("no finite number, or below target.min", "", "correct the source, or target.min")

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers."""
        return NUMBERS

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:
        """One score, or a column for each quantile."""
        return dict.fromkeys(self.fixed(goal), ColumnType.FLOAT) or SCORE

    def fixed(self, goal: Goal) -> tuple[str, ...]:
        """All quantiles."""
        return tuple(called(level) for level in goal.quantiles)

    def metrics(self, goal: Goal) -> dict[str, Metric]:
        """Of quantiles their coverage is among them; the parts of a horizon, where it has three steps."""
        found = {"wape": Metric(LOSS, ("max",), wape), "bias": Metric(ANY, ("min", "max"), bias)}
        if goal.quantiles:
            point = found if goal.panel and goal.panel.point else {}
            spread = {"crossings": Metric(SHARE, ("max",), crossings)}
            found = {"spl": Metric(LOSS, ("max",), spl, M5_QUANTILES), **spread, **point}
        else:
            scaled = {"mase": Metric(LOSS, ("max",), mase, MASE), "rmsse": Metric(LOSS, ("max",), rmsse, M5)}
            found = {**scaled, **found}
        for share, low, high in intervals(goal):
            found[f"coverage.{share}"] = Metric(SHARE, ("min", "max"), partial(coverage, low, high))
        if goal.panel and goal.panel.steps >= len(PARTS):
            for number, part in enumerate(PARTS):
                found[f"skill.{part}"] = Metric(GAIN, ("min",), partial(skill_of, number))
        return found

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:
        """Finite, and not below the least."""
        least = goal.panel.least if goal.panel else None
        return target.is_finite() if least is None else target.is_finite() & (target >= least)

    def sent(self, column: Column, goal: Goal) -> Column:  # noqa: ARG002 - as above
        """As float: a step without a row may have none."""
        return Column(column.name, ColumnType.FLOAT)

    def send(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """As float."""
        import polars as pl

        return target.cast(pl.Float64)

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:
        """Those below the least that there can be, by more than rounding."""
        import polars as pl

        least = goal.panel.least if goal.panel else None
        if least is None:
            return 0
        below = pl.all().cast(pl.Float64).fill_nan(None) < least - BEYOND
        return int(scores.select(pl.any_horizontal(below)).to_series().sum())

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> Refusal | None:
        """As of quantiles, where there are some."""
        return QUANTILES.contradiction(scores, truth, goal) if goal.quantiles else None

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """What was one season before the step, as far as it was known at the origin; without a season, the
        last value. Its quantiles are those of the differences between values a season apart."""
        import numpy as np

        return np.zeros(max(1, len(goal.quantiles)))

    def naive_scores(self, naive: Floats, rows: Rows) -> Floats:  # noqa: ARG002 - each step has its own
        """The naive forecast of each step."""
        return steps(rows).naive


KIND = Forecast()
