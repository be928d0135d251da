"""To which cluster a row belongs. The numbers of clusters mean something within one version only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import SHARE, Goal, Metric, Refusal, Rows, Unsupervised
from kronkers_batch.measures import agreement

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

ONE_CLUSTER = Refusal(
    "the same cluster for every row of the holdout: the rows are not parted",
    "",
    "check the number of clusters, and scale the features in fit: one with large values hides the others",
)


def used(rows: Rows) -> float:
    """How many clusters have a row."""
    import numpy as np

    return float(len(np.unique(rows.only)))


def largest(rows: Rows) -> float:
    """The share of the rows that the largest cluster has."""
    import numpy as np

    return float(np.unique(rows.only, return_counts=True)[1].max()) / len(rows.only)


def rand(rows: Rows) -> float:
    """The adjusted Rand index against the champion: 1 where both part the rows alike, 0 on average by chance.

    What the clusters are called does not count: a version may number them anew.
    """
    return math.nan if rows.champion is None else agreement.adjusted_rand(rows.only, rows.champion)


def unrelated(_rows: Rows) -> float:
    """What it is on average of clusters that have nothing to do with each other."""
    return 0.0


METRICS = {
    "stability.rand": Metric((-1.0, 1.0), ("min",), rand, agreement.HUBERT, chance=unrelated),
    "clusters": Metric((1.0, math.inf), ("min",), used),
    "largest": Metric(SHARE, ("max",), largest),
}


class Clusters(Unsupervised):
    """A cluster."""

    predicts = "the number of the cluster to which a row belongs"
    details = (
        "**Refused** after `fit`: the same cluster for every row of the holdout.",
        "**The number of a cluster** means something within one version only: a new version may give the "
        "same cluster another number. `stability.rand` does not depend on the numbers. Before you compare "
        "the clusters of two dates, look whether one version scored both: `kronkers outputs MODEL` shows "
        "it.",
    )
    measured_types = (ColumnType.INTEGER, ColumnType.INT32)
    wrong_score = Refusal("no number of a cluster", "no number of a cluster", "return whole numbers")

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:  # noqa: ARG002 - the same for all
        """The number of the cluster."""
        return {"cluster": ColumnType.INTEGER}

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - as above
        """The same for all."""
        return METRICS

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Every whole number may be; the column's type lets no other one pass."""
        return 0

    def contradiction(self, scores: pl.DataFrame, truth: Floats, goal: Goal) -> Refusal | None:  # noqa: ARG002
        """Whether all rows are in one cluster."""
        return ONE_CLUSTER if scores.to_series().n_unique() < 2 else None


KIND = Clusters()
