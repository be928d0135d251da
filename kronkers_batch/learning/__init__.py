"""What models may predict: the kinds of tasks, one file a kind, with all that is the kind's alone.

A file is called as YAML has the task (``task: binary``), and its ``KIND`` is an object of a subclass of
:class:`Task`. The folder lies below the configuration, which asks what may be declared, and below the rooms
that measure. So one file holds both: types and names to be declared, formulas and refusals to be applied.
numpy and polars are imported by what computes with them, when it does: looking at a configuration loads
neither.

A kind whose target or prediction takes several columns (quantiles, classes) measures arrays of that many;
one without a target to be held against (clusters) declares no ``target_types``. Neither is here yet.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from kronkers_batch.families import Family, Member
from kronkers_batch.frames.schema import ColumnType

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SCORE: Mapping[str, ColumnType] = {"score": ColumnType.FLOAT}
NUMBERS = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32)
SHARE, LOSS, GAIN, ANY = (0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0), (-math.inf, math.inf)
_NEEDS = {"skill": ("min",), "unscored": ("max",)}
_BEYOND = 1e-6
"""How far a score may lie beyond its range, as sums of floats do."""


@dataclass(frozen=True)
class Goal:
    """What a model file says of its target and of columns with a role, besides the target's name.

    Attributes:
        positive: The value of the target that counts as true; empty where the target is a boolean, or 0 and 1.
        classes: The classes in their order, as text.
        ordered: Whether this order means something, as that of grades does.
        loss: The name of the loss; empty for the kind's first one.
        quantiles: The levels of predicted quantiles, ascending, each in (0, 1).
        weights: The column that says how much a row counts in ``fit``.
        exposure: The column that says over how much (time, area, people) a row counts what happened.
    """

    positive: str = ""
    classes: tuple[str, ...] = ()
    ordered: bool = False
    loss: str = ""
    quantiles: tuple[float, ...] = ()
    weights: str = ""
    exposure: str = ""


@dataclass(frozen=True)
class Metric:
    """One number that says how well predictions fit what happened.

    Attributes:
        range: What it can be, ends included: a threshold beyond it says nothing, or can never hold.
        needs: The bounds, ``min`` or ``max``, without which a threshold lets a bad version pass.
        formula: Of truth and prediction, of shape (n,), n > 0, without NaN. NaN where it is undefined.
        source: Where the formula is from; empty for what every textbook has.
    """

    range: tuple[float, float]
    needs: tuple[str, ...]
    formula: Callable[[Floats, Floats], float]
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


class Task(Member, ABC):
    """A kind of task. All values of a subclass are constants of its class."""

    predicts: ClassVar[str]
    """What a model predicts, in words."""
    target_types: ClassVar[tuple[ColumnType, ...]]
    """The types that a target may have."""
    columns: ClassVar[Mapping[str, ColumnType]]
    """What ``score`` returns where nothing is declared."""
    measured_types: ClassVar[tuple[ColumnType, ...]]
    """The types of an output column that may be measured."""
    metrics: ClassVar[Mapping[str, Metric]]
    """The kind's own metrics, in the order in which they are shown; ``skill`` and ``unscored`` come after."""
    asked: ClassVar[Literal["binary", "regression"]]
    """How workers ask a declared estimator: for the probability of the second class, or for a number."""
    score_range: ClassVar[tuple[float, float]]
    """What a measured score may be, ends included."""
    wrong_score: ClassVar[Refusal]
    """What is said of scores beyond it."""
    wrong_target: ClassVar[Refusal]
    """What is said of a target's values that :meth:`fits_target` refuses."""

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Every metric that a training computes, and what it can be."""
        return {name: m.range for name, m in self.metrics.items()} | {"skill": GAIN, "unscored": SHARE}

    def needs(self, name: str) -> tuple[str, ...]:
        """The bounds that a threshold on a metric needs, in order."""
        return _NEEDS[name] if name in _NEEDS else self.metrics[name].needs

    @abstractmethod
    def fits_target(self, target: pl.Series) -> pl.Series:
        """Whether each value may be a target; null for null. Booleans are not asked about."""

    @abstractmethod
    def naive(self, target: Floats) -> float:
        """What a model that knows no feature would predict for every row, from the training rows' target."""

    @abstractmethod
    def loss(self, truth: Floats, score: Floats | float) -> float:
        """What a prediction costs; ``skill`` is 1 - loss / loss of the naive prediction."""

    def returned(self, goal: Goal) -> Mapping[str, str]:  # noqa: ARG002 - for those that override it
        """How ``score`` calls an output column, where that is not the column's name."""
        return {}

    def derived(self, goal: Goal) -> Mapping[str, ColumnType]:  # noqa: ARG002 - for those that override it
        """Output columns that ``score`` does not return, as :meth:`derive` makes them of the others."""
        return {}

    def derive(self, scores: pl.DataFrame, goal: Goal) -> pl.DataFrame:  # noqa: ARG002 - as above
        """The columns of :meth:`derived`, from those that ``score`` returned; no columns where it is empty.

        Raises:
            ValueError: The scores contradict each other. Its words show none of them.
        """
        return scores.select()

    def remarks(self, given: pl.Series) -> list[str]:  # noqa: ARG002 - for those that override it
        """What is worth telling of scores that are measured all the same, in words."""
        return []

    def wrong_targets(self, target: pl.Series) -> int:
        """How many values cannot be a target."""
        import polars as pl

        return 0 if target.dtype == pl.Boolean else int((~self.fits_target(target)).sum())

    def wrong_scores(self, scores: pl.Series) -> int:
        """How many scores are beyond what they may be; those without a value are not."""
        least, most = self.score_range
        inside = scores.fill_nan(None).is_between(least - _BEYOND, most + _BEYOND)
        return int((~inside).sum())

    def measured(self, truth: Floats, score: Floats, naive: float) -> dict[str, float]:
        """The metrics of one model on rows whose truth is known.

        Args:
            truth: Shape (n,), no NaN.
            score: Shape (n,); NaN where the model gave no prediction. Those rows count in ``unscored`` (a
                share) and in nothing else.
            naive: What :meth:`naive` gave.

        Returns:
            Name to value. A ``skill`` of 0 is no better than naive, 1 is perfect. A metric that is undefined
            (no rows, one class only) is NaN, and misses every threshold.
        """
        import numpy as np

        known = ~np.isnan(score)
        y, p = truth[known], score[known]
        unscored = float(1 - known.mean()) if len(score) else 0.0
        if not len(y):
            return {**dict.fromkeys((*self.metrics, "skill"), math.nan), "unscored": unscored}
        with np.errstate(all="ignore"):  # of infinite and huge scores: the metrics say it, no warning does
            values = {name: metric.formula(y, p) for name, metric in self.metrics.items()}
            skill = gain(self.loss(y, p), self.loss(y, naive))
        return {**values, "skill": skill, "unscored": unscored}


TASKS: Family[Task] = Family(__name__)


def gain(loss: float, reference: float) -> float:
    """1 - loss / reference; NaN where there is nothing to be better than."""
    return 1 - loss / reference if reference > 0 else math.nan


def squared_error(truth: Floats, score: Floats | float) -> float:
    """The mean squared error; of probabilities it is the Brier score."""
    import numpy as np

    return float(np.mean((score - truth) ** 2))


def rounded(values: Mapping[str, float]) -> str:
    """One line for people: ``auc 0.71, brier 0.145``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
