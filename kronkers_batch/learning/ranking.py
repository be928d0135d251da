"""In which order the rows of a group should stand, such as the answers to one query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import NUMBERS, SHARE, Goal, Loss, Metric, Refusal, Rows, Task
from kronkers_batch.measures.gains import JARVELIN, TIES, ndcg

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats
    from kronkers_batch.measures.measured_rows import Ints

PLACES = 10
SOURCE = f"{JARVELIN}; the relevance is the gain, {TIES}"


def counted(rows: Rows) -> list[Ints]:
    """The groups that have an order: those of several rows of which one is relevant."""
    return [part for part in rows.parts() if len(part) > 1 and rows.truth[part].max() > 0]


def gains(rows: Rows, parts: list[Ints]) -> list[float]:
    """The NDCG of each of these groups."""
    at = rows.goal.at or PLACES
    return [ndcg(rows.truth[part], rows.only[part], at) for part in parts]


def mean_gain(rows: Rows) -> float:
    """The NDCG of the first places (``target.at``) of a group; the mean over groups that have an order."""
    found = gains(rows, counted(rows))
    return sum(found) / len(found) if found else math.nan


def shortfall(rows: Rows) -> Floats:
    """1 - NDCG of the row's group, in equal parts on its rows: the mean over rows is that over groups."""
    import numpy as np

    parts = counted(rows)
    found = np.full(len(rows.only), 0.0 if parts else math.nan)
    for part, gain in zip(parts, gains(rows, parts), strict=True):
        found[part] = (1 - gain) * len(found) / (len(parts) * len(part))
    return found


METRICS = {"ndcg": Metric(SHARE, ("min",), mean_gain, SOURCE)}


class Ranking(Task):
    """An order."""

    predicts = "in which order the rows of a group should stand: the highest score first"
    keys = ("group", "at")
    required = ("group",)
    example = Goal(group="session")
    measured_types = NUMBERS
    losses: ClassVar = {"ndcg": Loss(shortfall, SOURCE)}
    asked = "regression"
    details = (
        "**The target** says how relevant a row is, 0 where it is not. **`group`** names the column whose "
        "equal values are one group, such as a query or a session. `fit` sees it before the target, unless "
        "it is a feature. A declared estimator gets it as a feature or not at all, and predicts the "
        "relevance of each row.",
        "**A group is on one side**: if it has rows in the holdout, all its rows are held out; the table of"
        " the run counts the rows that were moved. `score` gets a group as a whole only with `rows: whole`.",
        "**Groups of one row**, and those in which nothing is relevant, have no order: they count in no "
        "metric but `unscored`, and the table of the run counts them. Refused before `fit`: rows without a "
        "group; a fit or holdout part in which no group has an order.",
    )
    wrong_score = Refusal("no number", "no number", "return numbers")
    wrong_target = Refusal(
        "no relevance (a finite number from 0 on)",
        "",
        "make them null in a query source: such rows are left out; or derive a relevance from 0 on",
    )

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers, and whether somebody chose the row."""
        return (*NUMBERS, ColumnType.BOOLEAN)

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - as above
        """The same for all."""
        return METRICS

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - as above
        """Finite, and not negative."""
        import polars as pl

        number = target.cast(pl.Float64)
        return number.is_finite() & (number >= 0)

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Every number may be."""
        return 0

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """The same for every row, the mean relevance: each order of a group is equally probable."""
        import numpy as np

        return np.array([truth.mean()])

    def left_out(self, rows: Rows) -> str:
        """Groups without an order."""
        every, ordered = rows.parts(), len(counted(rows))
        alone = sum(len(part) == 1 for part in every)
        what = (
            f"{len(every) - ordered:,} of {len(every):,} groups of the holdout have no order and are left out"
        )
        return (
            f"{what}: {alone:,} have one row, in the others nothing is relevant"
            if len(every) > ordered
            else ""
        )


KIND = Ranking()
