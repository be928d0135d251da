"""Quantiles of a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import LOSS, NUMBERS, SHARE, Goal, Loss, Metric, Refusal, Rows, Task, mean_of
from kronkers_batch.learning.regression import NOT_FINITE

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

PINBALL = "Koenker and Bassett, Econometrica 46 (1978) 33-50"

ONE_NUMBER = Refusal(
    "the same number for all quantiles in every row",
    "",
    "check that fit learns each quantile: of a declared estimator, the argument that asks for quantiles, "
    "such as loss: quantile",
)


def called(level: float) -> str:
    """The output column of a quantile: ``q90`` for 0.9, ``q97.5`` for 0.975."""
    return f"q{round(100 * level, 6):g}"


def pinballs(rows: Rows) -> Floats:
    """What each quantile of each row costs: shape (n, k)."""
    import numpy as np

    over = rows.truth[:, None] - rows.score
    levels = np.array(rows.goal.quantiles)
    return np.maximum(levels * over, (levels - 1) * over)


def pinball(rows: Rows) -> Floats:
    """``max(q (y - s), (q - 1) (y - s))`` for a score s of the quantile q, averaged over the quantiles."""
    found: Floats = pinballs(rows).mean(axis=1)
    return found


def of_level(number: int, rows: Rows) -> float:
    """The mean loss of this quantile."""
    return float(pinballs(rows)[:, number].mean())


def coverage(low: int, high: int, rows: Rows) -> float:
    """The share of rows whose target is in the central interval (80: q10 to q90), ends included."""
    inside = (rows.score[:, low] <= rows.truth) & (rows.truth <= rows.score[:, high])
    return float(inside.mean())


def width(low: int, high: int, rows: Rows) -> float:
    """The mean width of this interval."""
    return float((rows.score[:, high] - rows.score[:, low]).mean())


def crossings(rows: Rows) -> float:
    """The share of rows in which a higher quantile is below a lower one."""
    return float(((rows.score[:, 1:] < rows.score[:, :-1]).any(axis=1)).mean())


def intervals(goal: Goal) -> Iterator[tuple[str, int, int]]:
    """The quantiles that bound a central interval: its share in percent, and the numbers of the two."""
    levels = [round(level, 9) for level in goal.quantiles]
    for low, level in enumerate(levels):
        if level < 0.5 and round(1 - level, 9) in levels:
            yield f"{round(100 * (1 - 2 * level), 6):g}", low, levels.index(round(1 - level, 9))


class Quantiles(Task):
    """Several quantiles."""

    predicts = "quantiles of a number"
    keys = ("quantiles",)
    required = ("quantiles",)
    example = Goal(quantiles=(0.1, 0.5, 0.9))
    measured_types = (ColumnType.FLOAT,)
    losses: ClassVar = {"pinball": Loss(pinball, PINBALL)}
    asked = "quantiles"
    wrong_score = Refusal("no number", "no number", "return numbers")
    wrong_target = NOT_FINITE

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers."""
        return NUMBERS

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:
        """A column for each quantile."""
        return dict.fromkeys(self.fixed(goal), ColumnType.FLOAT)

    def fixed(self, goal: Goal) -> tuple[str, ...]:
        """All of them."""
        return tuple(called(level) for level in goal.quantiles)

    def metrics(self, goal: Goal) -> dict[str, Metric]:
        """The loss of each quantile, and coverage and width of each central interval, are among them."""
        found = {
            "pinball": Metric(LOSS, ("max",), mean_of(pinball), PINBALL),
            "crossings": Metric(SHARE, ("max",), crossings),
        }
        for number, level in enumerate(goal.quantiles):
            found[f"pinball.{called(level)}"] = Metric(LOSS, ("max",), partial(of_level, number), PINBALL)
        for share, low, high in intervals(goal):
            found[f"coverage.{share}"] = Metric(SHARE, ("min", "max"), partial(coverage, low, high))
            found[f"width.{share}"] = Metric(
                (float("-inf"), float("inf")), ("max",), partial(width, low, high)
            )
        return found

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - the same for all
        """Finite."""
        return target.is_finite()

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Every number may be."""
        return 0

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> Refusal | None:
        """Whether all quantiles are one number in each row, though the target varies."""
        import polars as pl

        if len(goal.quantiles) < 2 or truth.min() == truth.max():
            return None
        same = scores.select((pl.max_horizontal(pl.all()) == pl.min_horizontal(pl.all())).all()).item()
        return ONE_NUMBER if same else None

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """The same quantiles of the fitted rows."""
        import numpy as np

        return np.quantile(truth, goal.quantiles)


KIND = Quantiles()
