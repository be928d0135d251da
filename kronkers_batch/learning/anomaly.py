"""How odd a row is, without a target that says which rows are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from kronkers_batch.learning import NUMBERS, SHARE, Goal, Metric, Refusal, Rows, Unsupervised
from kronkers_batch.measures import agreement

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

LESS_ODD = "less_odd"
SENSES = ("odd", LESS_ODD)
ONE_IN = 100
CONSTANT = Refusal(
    "the same number for every row of the holdout: no row is odder than another one",
    "",
    "check that fit learns from the features, and that score returns how odd each row is; "
    "a longer window.train may help",
)


def chosen(goal: Goal, rows: int) -> int:
    """How many of so many rows of one scoring window are chosen."""
    return goal.top or max(1, rows // ONE_IN)


def _mean_over_windows(rows: Rows, of: Callable[[Rows, int], float]) -> float:
    """The mean over the windows that have more rows than are chosen; NaN where there is none."""
    parts = [rows.where(part) for part in rows.parts()]
    found = [of(part, top) for part in parts if len(part.score) > (top := chosen(rows.goal, len(part.score)))]
    return sum(found) / len(found) if found else math.nan


def _overlap(rows: Rows, top: int) -> float:
    if rows.champion is None:
        return math.nan
    sense = KIND.sense(rows.goal)
    return agreement.overlap(sense * rows.only, sense * rows.champion, top)


def overlap(rows: Rows) -> float:
    """Of the oddest rows of a scoring window, the share that the champion chooses too; the mean over windows.

    How many are chosen is ``decision.top``, or one in a hundred rows, and at least one. Rows that are equally
    odd share the places that are left. A window without more rows than that is left out.
    """
    return _mean_over_windows(rows, _overlap)


def by_chance(rows: Rows) -> float:
    """What two random choices would have in common."""
    return _mean_over_windows(rows, lambda part, top: top / len(part.score))


def distinct(rows: Rows) -> float:
    """The number of different scores divided by the number of rows: near 0, most rows are equally odd."""
    import numpy as np

    return len(np.unique(rows.only)) / len(rows.only)


METRICS = {
    "stability.overlap": Metric(SHARE, ("min",), overlap, chance=by_chance),
    "distinct": Metric(SHARE, ("min",), distinct),
}


class Anomaly(Unsupervised):
    """How odd."""

    predicts = "how odd a row is"
    keys = ("higher_is", "top")
    by_window = True
    details = (
        "**Refused** after `fit`: the same score for every row of the holdout. Refused before it: a "
        "`decision.top` of no fewer rows than every scoring window of the holdout has.",
        "**Which rows are chosen**: in each scoring window the oddest `decision.top` rows, or one in a "
        "hundred, and at least one. Rows that are equally odd share the places that are left. A window with"
        " no more rows than that is left out of `stability.overlap`; the table of the run counts such "
        "windows.",
        "**scikit-learn**: `predict` must name the method, `score_samples` or `decision_function`. Both are"
        " low for odd rows, so `output.higher_is: less_odd` must be declared.",
    )
    measured_types = NUMBERS
    wrong_score = Refusal("no number", "infinite", "return finite numbers")
    scoring_methods = ("score_samples", "decision_function")

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - the same for all
        """The same for all."""
        return METRICS

    def sense(self, goal: Goal) -> int:
        """-1 where the odd rows have the low scores."""
        return -1 if goal.higher_is == LESS_ODD else 1

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Infinite."""
        return int(scores.to_series().is_infinite().sum())

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> Refusal | None:  # noqa: ARG002
        """Whether all rows are equally odd."""
        return CONSTANT if scores.to_series().n_unique() < 2 else None

    def left_out(self, rows: Rows) -> str:
        """Scoring windows in which all rows are chosen."""
        sizes = [len(part) for part in rows.parts()]
        small = sum(size <= chosen(rows.goal, size) for size in sizes)
        what = f"{small:,} of {len(sizes):,} scoring windows have no more rows than are chosen"
        return f"{what}, and are left out of stability.overlap" if small else ""


KIND = Anomaly()
