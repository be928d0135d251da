"""What models may predict: the kinds of tasks, one file a kind, with all that is the kind's alone.

A file is called as YAML has the task (``task: binary``), and its ``KIND`` is an object of a subclass of
:class:`Task`. The folder lies below the configuration, which asks what may be declared, and below the rooms
that measure. So one file holds both: types and names to be declared, formulas and refusals to be applied.
numpy and polars are imported by what computes with them, when it does: looking at a configuration loads
neither. What kinds share, such as rows and formulas of agreement, is in ``measures/``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

from kronkers_batch.families import Family, Member
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.measures.goal import Goal
from kronkers_batch.measures.measured_rows import (
    ANY,
    BEYOND,
    GAIN,
    LOSS,
    SHARE,
    Loss,
    Metric,
    Refusal,
    Rows,
    gain,
    mean_of,
    outside,
)

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.measures.measured_rows import Floats

__all__ = [
    "ANY", "BEYOND", "GAIN", "LOSS", "NUMBERS", "SCORE", "SHARE", "TASKS", "Floats", "Goal", "Loss", "Metric",
    "Refusal", "Rows", "Task", "UsesTarget", "gain", "mean_of", "outside",
]  # fmt: skip

SCORE: Mapping[str, ColumnType] = {"score": ColumnType.FLOAT}
NUMBERS = (ColumnType.FLOAT, ColumnType.FLOAT32, ColumnType.INTEGER, ColumnType.INT32)
_NEEDS = {"skill": ("min",), "unscored": ("max",), "refit": ("max",)}
NO_TARGET = Refusal("", "", "")
"""What is said of the target of a kind that has none."""


class UsesTarget(StrEnum):
    """Whether models of a kind have a target."""

    ALWAYS = "always"
    NEVER = "never"
    MAYBE = "maybe"


class Task(Member, ABC):
    """A kind of task. All values of a subclass are constants of its class."""

    predicts: ClassVar[str]
    """What a model predicts, in words."""
    details: ClassVar[tuple[str, ...]] = ()
    """Sentences for the reference page, besides those that follow from the rest."""
    target: ClassVar[UsesTarget] = UsesTarget.ALWAYS
    """Whether its models have a target."""
    target_key: ClassVar[str] = "column"
    """What ``target:`` calls the target's column."""
    declarable: ClassVar[bool] = True
    """Whether an estimator may be declared; else its models have code."""
    learns: ClassVar[bool] = True
    """Whether its models are fitted; else their code has ``score`` alone, and gets no training data."""
    by_window: ClassVar[bool] = False
    """Whether the rows of one scoring window are measured together, and not all rows of the holdout."""
    scoring_methods: ClassVar[tuple[str, ...]] = ()
    """Methods of scikit-learn that score, where a declared class must name its own: ``predict`` does not."""
    keys: ClassVar[tuple[str, ...]] = ()
    """The attributes of :class:`Goal`, besides weights, that may be declared."""
    required: ClassVar[tuple[str, ...]] = ()
    """Those of them that must be."""
    example: ClassVar[Goal] = Goal()
    """What might be declared, for the reference page and for thresholds that it names."""
    measured_types: ClassVar[tuple[ColumnType, ...]]
    """The types of an output column that may be measured."""
    losses: ClassVar[Mapping[str, Loss]]
    """What may be declared as ``target.loss``; the first is the kind's own. Without one there is no skill."""
    of_ordered: ClassVar[tuple[str, ...]] = ()
    """Losses for classes whose order means something."""
    asked: ClassVar[Literal["binary", "regression", "multiclass", "quantiles", "unsupervised", "forecast"]]
    """How workers ask a model; see docs/reference/worker-protocol.md."""
    of_series: ClassVar[bool] = False
    """Whether rows are steps of time series, whose future is predicted from their past."""
    refits: ClassVar[bool] = False
    """Whether its models are fitted once more, on all labelled rows, where the file does not say."""
    wrong_score: ClassVar[Refusal]
    """What is said of scores that :meth:`wrong_scores` counts."""
    wrong_target: ClassVar[Refusal]
    """What is said of a target's values that :meth:`fits_target` refuses."""

    # ---- what is declared

    def judge(self, goal: Goal) -> Task:  # noqa: ARG002 - for those that override it
        """The kind by whose metrics a model is measured, and whose target and outputs it has: this one."""
        return self

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
        skill = {"skill": GAIN} if self.losses else {}
        return {name: m.range for name, m in self.metrics(goal).items()} | skill | {"unscored": SHARE}

    def comparing(self, goal: Goal) -> tuple[str, ...]:
        """The metrics that compare a version with the champion: undefined where there is none."""
        return tuple(name for name, metric in self.metrics(goal).items() if metric.chance)

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

    def truth_of(self, frame: pl.DataFrame, target: str, goal: Goal) -> Floats:
        """The truth of some rows, of their target and of other columns that belong to it."""
        return self.truth(frame[target], goal)

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

    def sense(self, goal: Goal) -> int:  # noqa: ARG002 - as above
        """1, or -1 where a score means the opposite of what the same score means by default."""
        return 1

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> Refusal | None:  # noqa: ARG002
        """What the scores of the holdout as a whole cannot be; None where nothing is wrong.

        Args:
            scores: The measured columns of the rows that have a score.
            truth: Of all rows of the holdout.
            goal: What is declared.
        """
        return None

    def left_out(self, rows: Rows) -> str:  # noqa: ARG002 - as above
        """Which rows count in some metrics alone, in words; empty where all count in all."""
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
        if not known.any():
            return {**dict.fromkeys(self.ranges(rows.goal), math.nan), "unscored": unscored}
        rows = rows.where(known)
        with np.errstate(all="ignore"):  # of infinite and huge scores: the metrics say it, no warning does
            values = self._values(rows)
            if self.losses:
                reference = self.loss(rows.scored(self.naive_scores(naive, rows)))
                values["skill"] = gain(float(self.loss(rows).mean()), float(reference.mean()))
        return {**values, "unscored": unscored}

    def _values(self, rows: Rows) -> dict[str, float]:
        both = _compared(rows)
        return {
            name: metric.formula(rows)
            if metric.chance is None
            else metric.formula(both)
            if both
            else math.nan
            for name, metric in self.metrics(rows.goal).items()
        }

    def by_chance(self, rows: Rows) -> dict[str, float]:
        """What each metric that compares would be of versions that have nothing in common, on these rows."""
        both = _compared(rows)
        metrics = self.metrics(rows.goal).items() if both else ()
        return {name: metric.chance(both) for name, metric in metrics if metric.chance and both}


def _compared(rows: Rows) -> Rows | None:
    """The rows that have a score and one of the champion; None where there is none."""
    import numpy as np

    if rows.champion is None:
        return None
    both = np.logical_not(np.isnan(rows.champion) | np.isnan(rows.score).any(axis=1))
    return rows.where(both) if both.any() else None


class Unsupervised(Task):
    """A kind of task without a target: nothing says what is right. Versions are compared with each other."""

    target = UsesTarget.NEVER
    losses: ClassVar = {}
    asked = "unsupervised"
    wrong_target = NO_TARGET

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """None."""
        return ()

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """None does."""
        raise ValueError("there is no target")

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """Nothing: no truth says what costs least."""
        import numpy as np

        return np.empty(0)


TASKS: Family[Task] = Family(__name__)
