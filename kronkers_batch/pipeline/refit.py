"""The final fit, on all labelled rows: bound to the fit that was measured, or not promoted.

A model that is measured on the newest rows has not seen them. With ``window: {refit: true}`` it is fitted
once more, on all rows. Nothing can measure this second fit, since no row is left that it has not seen. So its
scores may not be far from those of the measured fit: at most twice as far as the former champion's are, or
without a comparable champion, half the standard deviation of the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.errors import DataError, ModelError
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.stability import scores_by
from kronkers_batch.pipeline.verify import Verified
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl

REFIT = "refit"
"""The metric, and among the numbers of rows how many the final fit had."""


@dataclass(frozen=True)
class Former:
    """The holdout's scores by the champion; None, and why, where they say nothing of the final fit."""

    scores: pl.DataFrame | None
    why: str = ""


def all_rows(model: ModelSpec, data: TrainingData) -> TrainingData:
    """The same data with the held-out rows among those that are fitted."""
    import polars as pl

    rows = pl.concat([data.fit, data.holdout.select(data.fit.columns)])
    panel = model.goal.panel
    return replace(data, fit=rows.sort([*panel.series, panel.time]) if panel else rows)


def labelled(model: ModelSpec, *parts: pl.DataFrame) -> int:
    """How many rows have a target. Of series some steps may have none."""
    return sum(part.height - part[model.target].null_count() for part in parts)


def bound(
    services: Services, model: ModelSpec, data: TrainingData, first: Verified, last: Verified
) -> Verified:
    """What is recorded of both fits: numbers of the first one, golden rows of the last one.

    Args:
        services: The opened system.
        model: What is trained.
        data: As the first fit had it.
        first: What was found of the measured fit.
        last: What was found of the final fit.
    """
    former = former_scores(services, model, data)
    far = shift(first.scores, last.scores, former.scores, first.error)
    metrics = {**first.metrics, REFIT: far}
    few, total = labelled(model, data.fit), labelled(model, data.fit, data.holdout)
    said = f"refit on all {total:,} labelled rows; its numbers are those of the fit on {few:,}"
    remarks = dict.fromkeys([*first.remarks, *last.remarks, *filter(None, [former.why]), said])
    return replace(last, metrics=metrics, naive=first.naive, remarks=tuple(remarks))


def shift(
    measured: pl.DataFrame, last: pl.DataFrame, former: pl.DataFrame | None, error: float | None = None
) -> float:
    """How far the final fit's scores are from the measured one's, as a share of what is allowed.

    The mean absolute difference over rows and columns, divided by twice that between ``measured`` and
    ``former``; without a former one by half the standard deviation of ``measured``, averaged over columns, or
    by ``error`` where that is less. Rows that lack a score in any of the frames are left out.

    Args:
        measured: The scores of the measured fit.
        last: Those of the final one.
        former: Those of the champion; None where nothing is compared with it.
        error: The mean absolute error of the measured fit, where scores differ for other reasons than what is
            predicted, as those of large and small series do.

    Returns:
        0 for equal scores, 1 for all that is allowed, infinity where the final fit lacks a score that the
        measured one has, NaN where no row has all scores.
    """
    import numpy as np
    import polars as pl

    frames = [frame for frame in (measured, last, former) if frame is not None]
    arrays = [frame.select(pl.all().cast(pl.Float64).fill_null(math.nan)).to_numpy() for frame in frames]
    scored = [np.isfinite(one).all(axis=1) for one in arrays]
    if (scored[0] & ~scored[1]).any():
        return math.inf
    known = np.logical_and.reduce(scored)
    if not known.any():
        return math.nan
    first, final, *others = (one[known] for one in arrays)
    far = float(np.abs(final - first).mean())
    if others:
        allowed = 2 * float(np.abs(first - others[0]).mean())
    else:
        allowed = min(float(first.std(axis=0).mean()) / 2, math.inf if error is None else error)
    return far / allowed if allowed > 0 else math.inf if far > 0 else 0.0


def former_scores(services: Services, model: ModelSpec, data: TrainingData) -> Former:
    """The champion's scores of the holdout, where it is a final fit that predicts the same."""
    champion = services.registry.champion(model.name)
    if champion is None or REFIT not in champion.training.rows:
        return Former(None)
    then = as_trained(model, champion)
    same = (then.task, then.goal, then.measured, champion.training.target)
    there = set(champion.training.features.names) <= set(data.holdout.columns)
    if same != (model.task, model.goal, model.measured, model.target) or not there:
        return Former(None)
    try:
        return Former(scores_by(services, champion, then, data).select(model.measured))
    except (ModelError, DataError):  # what the champion cannot do must not stop its successor
        return Former(None, f"{champion.ref} could not score the holdout, so nothing was compared with it")
