"""What models may predict: the kinds of tasks, one file a kind, with all that is the kind's alone.

A file is called as YAML has the task (``task: binary``), and its ``KIND`` is an object of a subclass of
:class:`Task`: types and names to be declared, formulas and refusals to be applied. numpy and polars are
imported by what computes with them, when it does: looking at a configuration loads neither.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from kronkers_batch.digests import Json
from kronkers_batch.families import Family, Member
from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import Column, ColumnType

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SCORE: Mapping[str, ColumnType] = {"score": ColumnType.FLOAT}
NUMBERS = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32)
SHARE, LOSS, GAIN, ANY = (0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0), (-math.inf, math.inf)
_NEEDS = {"skill": ("min",), "unscored": ("max",)}
BEYOND = 1e-6
"""How far a score may lie beyond its range, as sums of floats do."""


@dataclass(frozen=True)
class Goal:
    """What a model file says of its target and of columns with a role, besides the target's name.

    Attributes:
        positive: The value of the target that counts as true, as text; empty where it is boolean, or 0 and 1.
        classes: The classes in their order, as text.
        ordered: Whether this order means something, as that of grades does.
        loss: The name of the loss; empty for the kind's first one.
        quantiles: The levels of predicted quantiles, ascending, each in (0, 1).
        weights: The column that says how much a row counts in ``fit``.
        exposure: The column that says over how much (time, area, people) a row counts what happened.
        panel: The time series, of a task whose rows are series.
    """

    positive: str = ""
    classes: tuple[str, ...] = ()
    ordered: bool = False
    loss: str = ""
    quantiles: tuple[float, ...] = ()
    weights: str = ""
    exposure: str = ""
    panel: Panel | None = None

    def to_json(self) -> dict[str, Json]:
        """What is said, as JSON values."""
        said = {f.name: value for f in fields(self) if (value := getattr(self, f.name))}
        lists = {name: list(value) for name, value in said.items() if isinstance(value, tuple)}
        return {**said, **lists, **({"panel": self.panel.to_json()} if self.panel else {})}

    @classmethod
    def of(cls, said: Mapping[str, object]) -> Goal:
        """The inverse of :meth:`to_json`. What this program does not know is a TypeError."""
        lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        series = {name: Panel.of(value) for name, value in said.items() if isinstance(value, Mapping)}
        return replace(cls(), **{**said, **lists, **series})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Rows:
    """Rows whose truth is known, with what was predicted of them.

    Attributes:
        truth: Shape (n,), as :meth:`Task.truth` makes it of the target.
        score: Shape (n, k): a column for each measured output.
        units: Shape (n,): the exposure of each row, 1 where none is declared.
        goal: What is declared.
    """

    truth: Floats
    score: Floats
    units: Floats
    goal: Goal

    @property
    def only(self) -> Floats:
        """The score where there is one a row, shape (n,)."""
        return self.score[:, 0]

    def where(self, which: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(self.truth[which], self.score[which], self.units[which], self.goal)

    def scored(self, score: Floats) -> Rows:
        """The same rows with other scores."""
        return Rows(self.truth, score, self.units, self.goal)


@dataclass(frozen=True)
class Metric:
    """One number that says how well predictions fit what happened.

    Attributes:
        range: What it can be, ends included: no threshold lies beyond it.
        needs: The bounds, ``min`` or ``max``, without which a threshold lets a bad version pass.
        formula: Of at least one row, without NaN. NaN where it is undefined.
        source: Where the formula is from; empty for what every textbook has.
    """

    range: tuple[float, float]
    needs: tuple[str, ...]
    formula: Callable[[Rows], float]
    source: str = ""


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
        what: What they are not, such as ``no probability``. ``fix`` says what to do.
        there: How they are, such as ``below 0 or above 1``.
    """

    what: str
    there: str
    fix: str


class Task(Member, ABC):
    """A kind of task. All values of a subclass are constants of its class."""

    predicts: ClassVar[str]
    """What a model predicts, in words."""
    keys: ClassVar[tuple[str, ...]] = ()
    """The attributes of :class:`Goal`, besides weights, that may be declared."""
    required: ClassVar[tuple[str, ...]] = ()
    """Those of them that must be."""
    example: ClassVar[Goal] = Goal()
    """What might be declared, for the reference page and for thresholds that it names."""
    measured_types: ClassVar[tuple[ColumnType, ...]]
    """The types of an output column that may be measured."""
    losses: ClassVar[Mapping[str, Loss]]
    """What may be declared as ``target.loss``; the first is the kind's own."""
    of_ordered: ClassVar[tuple[str, ...]] = ()
    """Losses for classes whose order means something."""
    asked: ClassVar[Literal["binary", "regression", "multiclass", "quantiles", "forecast"]]
    """How workers ask a model; see docs/reference/worker-protocol.md."""
    of_series: ClassVar[bool] = False
    """Whether rows are steps of time series, whose future is predicted from their past."""
    wrong_score: ClassVar[Refusal]
    """What is said of scores that :meth:`wrong_scores` counts."""
    wrong_target: ClassVar[Refusal]
    """What is said of a target's values that :meth:`fits_target` refuses."""

    # ---- what is declared

    @abstractmethod
    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:
        """The types that a target may have."""

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:  # noqa: ARG002 - for those that override it
        """The output columns where none are declared."""
        return SCORE

    def fixed(self, goal: Goal) -> tuple[str, ...]:  # noqa: ARG002 - as above
        """The outputs that are measured whatever is declared; none where one declared column is."""
        return ()

    def returned(self, goal: Goal) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """How ``score`` calls an output column, where that is not the column's name."""
        return {}

    def derived(self, goal: Goal) -> Mapping[str, ColumnType]:  # noqa: ARG002 - as above
        """Output columns that ``score`` does not return, as :meth:`derive` makes them of the others."""
        return {}

    def derive(self, scores: pl.DataFrame, goal: Goal) -> pl.DataFrame:  # noqa: ARG002 - as above
        """The columns of :meth:`derived`, from those that ``score`` returned.

        Raises ValueError, without values, where the scores contradict each other.
        """
        return scores.select()

    @abstractmethod
    def metrics(self, goal: Goal) -> Mapping[str, Metric]:
        """The kind's own metrics, in the order in which they are shown; ``skill`` and ``unscored`` follow."""

    def ranges(self, goal: Goal) -> dict[str, tuple[float, float]]:
        """Every metric that a training computes, and what it can be."""
        return {name: m.range for name, m in self.metrics(goal).items()} | {"skill": GAIN, "unscored": SHARE}

    def needs(self, name: str, goal: Goal) -> tuple[str, ...]:
        """The bounds that a threshold on a metric needs, in order."""
        return _NEEDS[name] if name in _NEEDS else self.metrics(goal)[name].needs

    # ---- the target

    @abstractmethod
    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:
        """Whether each value may be a target; null for null."""

    def wrong_targets(self, target: pl.Series, goal: Goal) -> int:
        """How many values cannot be a target."""
        return int((~self.fits_target(target, goal)).sum())

    def sent(self, column: Column, goal: Goal) -> Column:  # noqa: ARG002 - as above
        """The column of the target as ``fit`` sees it."""
        return column

    def send(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """The values of the target as ``fit`` sees them."""
        return target

    def truth(self, target: pl.Series, goal: Goal) -> Floats:
        """The values of the target as they are measured, shape (n,)."""
        import polars as pl

        return self.send(target, goal).cast(pl.Float64).to_numpy()

    # ---- the scores

    @abstractmethod
    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:
        """How many rows of the measured columns have a score that cannot be; rows without one are not."""

    @abstractmethod
    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:
        """What a model that knows no feature would predict for every row, from the fitted rows; shape (k,).

        With an exposure it is the prediction for an exposure of 1.
        """

    def naive_scores(self, naive: Floats, rows: Rows) -> Floats:
        """The naive prediction of these rows, shape (n, k)."""
        import numpy as np

        return np.broadcast_to(naive, rows.score.shape)

    def loss(self, rows: Rows) -> Floats:
        """What the predictions of these rows cost, by the declared loss, shape (n,)."""
        return self.losses[rows.goal.loss or next(iter(self.losses))].formula(rows)

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> str:  # noqa: ARG002 - as above
        """What the scores of the holdout as a whole cannot be, in words; empty where nothing is wrong."""
        return ""

    def remarks(self, scores: pl.DataFrame, goal: Goal) -> list[str]:  # noqa: ARG002 - as above
        """What is worth telling of scores that are measured all the same, in words."""
        return []

    def measured(self, rows: Rows, naive: Floats) -> dict[str, float]:
        """The metrics of one model on rows whose truth is known.

        Args:
            rows: Their scores are NaN where the model gave no prediction. Those rows count in ``unscored``
                (a share) and in nothing else.
            naive: What :meth:`naive` gave.

        Returns:
            Name to value. ``skill`` is 1 - loss / loss of the naive prediction, on the same rows. A metric
            that is undefined (no rows, one class only) is NaN, and misses every threshold.
        """
        import numpy as np

        known = np.logical_not(np.isnan(rows.score).any(axis=1))
        unscored = float(1 - known.mean()) if len(known) else 0.0
        metrics = self.metrics(rows.goal)
        if not known.any():
            return {**dict.fromkeys((*metrics, "skill"), math.nan), "unscored": unscored}
        rows = rows.where(known)
        with np.errstate(all="ignore"):  # of infinite and huge scores: the metrics say it, no warning does
            values = {name: metric.formula(rows) for name, metric in metrics.items()}
            reference = self.loss(rows.scored(self.naive_scores(naive, rows)))
            skill = gain(float(self.loss(rows).mean()), float(reference.mean()))
        return {**values, "skill": skill, "unscored": unscored}


TASKS: Family[Task] = Family(__name__)


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
