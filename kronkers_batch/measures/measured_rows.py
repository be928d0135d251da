"""Rows with their scores, and what is computed of them: metrics, losses, and reasons for a refusal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kronkers_batch.measures.goal import Goal

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SHARE, LOSS, GAIN, ANY = (0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0), (-math.inf, math.inf)
BEYOND = 1e-6
"""How far a score may lie beyond its range, as sums of floats do."""


@dataclass(frozen=True)
class Rows:
    """Rows of the holdout, with what was predicted of them.

    Attributes:
        truth: Shape (n,), as ``Task.truth`` makes it of the target; NaN where there is no target.
        score: Shape (n, k): a column for each measured output.
        units: Shape (n,): the exposure of each row, 1 where none is declared.
        goal: What is declared.
        groups: Shape (n,): equal numbers for rows that are measured together, such as those of one scoring
            window or of one query; None where all are.
        champion: Shape (n,): what the champion gives these rows, as a score of ``score``'s first column and
            in its sense; None where there is no champion to compare with.
    """

    truth: Floats
    score: Floats
    units: Floats
    goal: Goal
    groups: Ints | None = None
    champion: Floats | None = None

    @property
    def only(self) -> Floats:
        """The score where there is one a row, shape (n,)."""
        return self.score[:, 0]

    def where(self, which: NDArray[np.bool_] | Ints) -> Rows:
        """Some of the rows."""
        return replace(
            self,
            truth=self.truth[which],
            score=self.score[which],
            units=self.units[which],
            groups=None if self.groups is None else self.groups[which],
            champion=None if self.champion is None else self.champion[which],
        )

    def scored(self, score: Floats) -> Rows:
        """The same rows with other scores."""
        return replace(self, score=score)

    def parts(self) -> list[Ints]:
        """Which rows each group has, by the groups' numbers; all of them where there are no groups."""
        import numpy as np

        if self.groups is None:
            return [np.arange(len(self.score))]
        order = np.argsort(self.groups, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.groups[order])) + 1)


@dataclass(frozen=True)
class Metric:
    """One number that says how well predictions fit what happened.

    Attributes:
        range: What it can be, ends included: a threshold beyond it says nothing, or can never hold.
        needs: The bounds, ``min`` or ``max``, without which a threshold lets a bad version pass.
        formula: Of at least one row, without NaN. NaN where it is undefined.
        source: Where the formula is from; empty for what every textbook has.
        chance: What it would be, on the same rows, of a version that has nothing in common with the champion.
            None of a metric that compares with no champion.
    """

    range: tuple[float, float]
    needs: tuple[str, ...]
    formula: Callable[[Rows], float]
    source: str = ""
    chance: Callable[[Rows], float] | None = None


@dataclass(frozen=True)
class Loss:
    """What a prediction costs, a number for each row; lower is better, and the truth itself costs least.

    Attributes:
        formula: Of at least one row, without NaN; shape (n,).
        source: As of a metric.
    """

    formula: Callable[[Rows], Floats]
    source: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why values are refused, in words that show none of them.

    Attributes:
        what: What they are not, such as ``no probability``.
        there: How they are, such as ``below 0 or above 1``.
        fix: What to do.
    """

    what: str
    there: str
    fix: str


def gain(loss: float, reference: float) -> float:
    """1 - loss / reference; NaN where there is nothing to be better than."""
    return 1 - loss / reference if reference > 0 else math.nan


def mean_of(formula: Callable[[Rows], Floats]) -> Callable[[Rows], float]:
    """The mean of a loss over all rows, as the formula of a metric."""

    def mean(rows: Rows) -> float:
        return float(formula(rows).mean())

    mean.__doc__ = f"The mean over rows. {formula.__doc__}"
    return mean


def outside(scores: pl.DataFrame, least: float, most: float) -> int:
    """How many rows have a score beyond this range by more than rounding."""
    import polars as pl

    inside = pl.all().cast(pl.Float64).fill_nan(None).is_between(least - BEYOND, most + BEYOND)
    return int(scores.select(pl.any_horizontal(~inside)).to_series().sum())
