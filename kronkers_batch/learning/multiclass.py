"""The probability of each of several classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import (
    BEYOND,
    LOSS,
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

CLASS, PROBABILITY = "class", "probability."
_TINY = 1e-15  # as of binary
_BRIER = "Brier, Monthly Weather Review 78 (1950) 1-3: the sum over all classes, from 0 to 2"
_RANKED = (
    "Epstein, Journal of Applied Meteorology 8 (1969) 985-987; Murphy, the same 10 (1971) "
    "155-156; divided by the number of classes - 1"
)


def _hot(rows: Rows) -> Floats:
    """1 for the class of each row, else 0; shape (n, k)."""
    import numpy as np

    return np.equal(rows.truth[:, None], np.arange(rows.score.shape[1])).astype(np.float64)


def log_loss(rows: Rows) -> Floats:
    """Minus the logarithm of the probability that was given to the class of the row."""
    import numpy as np

    given = np.take_along_axis(rows.score, rows.truth.astype(np.int64)[:, None], axis=1)[:, 0]
    return -np.log(np.clip(given, _TINY, 1))


def squared(rows: Rows) -> Floats:
    """The squared errors of all probabilities of a row, added."""
    found: Floats = ((rows.score - _hot(rows)) ** 2).sum(axis=1)
    return found


def ranked(rows: Rows) -> Floats:
    """The squared errors of the cumulated probabilities of a row: a class further away costs more."""
    distances = (rows.score - _hot(rows)).cumsum(axis=1)[:, :-1]
    found: Floats = (distances**2).mean(axis=1)
    return found


def accuracy(rows: Rows) -> float:
    """The share of rows whose most probable class happened."""
    return float((rows.score.argmax(axis=1) == rows.truth).mean())


def recall(number: int, rows: Rows) -> float:
    """Of the rows of this class, the share in which it is the most probable one; NaN without such rows."""
    of = rows.truth == number
    return float((rows.score[of].argmax(axis=1) == number).mean()) if of.any() else math.nan


class Multiclass(Task):
    """One of several classes."""

    predicts = "the probability of each class, and the most probable class"
    keys = ("classes", "ordered", "loss")
    required = ("classes",)
    example = Goal(classes=("A", "B", "C"), ordered=True)
    measured_types = (ColumnType.FLOAT,)
    losses: ClassVar = {
        "log": Loss(log_loss),
        "brier": Loss(squared, _BRIER),
        "ranked": Loss(ranked, _RANKED),
    }
    of_ordered = ("ranked",)
    asked = "multiclass"
    wrong_score = Refusal(
        "no probability",
        "below 0 or above 1",
        "return a probability for each class, in columns named after them",
    )
    wrong_target = Refusal(
        "no declared class",
        "",
        "add it to target.classes, or make such values null in a query source: such rows are left out",
    )

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """What has names."""
        kinds = ColumnType
        return (kinds.STRING, kinds.CATEGORY, kinds.INTEGER, kinds.INT32, kinds.BOOLEAN)

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:
        """The class, then its probabilities."""
        return {CLASS: ColumnType.STRING, **dict.fromkeys(self.fixed(goal), ColumnType.FLOAT)}

    def fixed(self, goal: Goal) -> tuple[str, ...]:
        """A probability for each class."""
        return tuple(PROBABILITY + name for name in goal.classes)

    def returned(self, goal: Goal) -> Mapping[str, str]:
        """``score`` calls them as the classes."""
        return {PROBABILITY + name: name for name in goal.classes}

    def derived(self, goal: Goal) -> Mapping[str, ColumnType]:  # noqa: ARG002 - the same for all
        """The class."""
        return {CLASS: ColumnType.STRING}

    def derive(self, scores: pl.DataFrame, goal: Goal) -> pl.DataFrame:
        """The most probable class of each row; of equal ones the first. Null where a probability is missing.

        Raises:
            ValueError: The probabilities of a row do not add up to 1.
        """
        import numpy as np
        import polars as pl

        given = scores.select(pl.col(self.fixed(goal)).cast(pl.Float64)).fill_null(float("nan")).to_numpy()
        known = ~np.isnan(given).any(axis=1)
        apart = int((np.abs(given[known].sum(axis=1) - 1) > BEYOND).sum())
        if apart:
            raise ValueError(f"probabilities that do not add up to 1 in {apart:,} of {len(given):,} rows")
        most = np.where(known, np.nan_to_num(given, nan=-1.0).argmax(axis=1), 0)
        named = pl.Series(CLASS, goal.classes, dtype=pl.String).gather(most)
        return pl.DataFrame([pl.Series(known)]).select(pl.when(pl.first()).then(named).alias(CLASS))

    def metrics(self, goal: Goal) -> dict[str, Metric]:
        """The recall of each class is one of them."""
        found = {
            "log_loss": Metric(LOSS, ("max",), mean_of(log_loss)),
            "brier": Metric((0.0, 2.0), ("max",), mean_of(squared), _BRIER),
            "accuracy": Metric(SHARE, ("min",), accuracy),
        }
        if goal.ordered:
            found["rps"] = Metric(SHARE, ("max",), mean_of(ranked), _RANKED)
        for number, name in enumerate(goal.classes):
            found[f"recall.{name}"] = Metric(SHARE, ("min",), partial(recall, number))
        return found

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:
        """A declared class."""
        import polars as pl

        return target.cast(pl.String).is_in(goal.classes)

    def sent(self, column: Column, goal: Goal) -> Column:
        """A category whose levels are the classes in their order."""
        return Column(column.name, ColumnType.CATEGORY, goal.classes)

    def send(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - the same for all
        """As text."""
        import polars as pl

        return target.cast(pl.String)

    def truth(self, target: pl.Series, goal: Goal) -> Floats:
        """The number of the class, from 0."""
        import polars as pl

        numbers = {name: float(number) for number, name in enumerate(goal.classes)}
        return target.cast(pl.String).replace_strict(numbers, return_dtype=pl.Float64).to_numpy()

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - the same for all
        """Below 0 or above 1."""
        return outside(scores, 0, 1)

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """The share of the rows that each class has."""
        import numpy as np

        return np.bincount(truth.astype(np.int64), minlength=len(goal.classes)) / len(truth)


KIND = Multiclass()
