"""What a model's scores of the holdout are worth, by the metrics of its task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.learning import Rows
from kronkers_batch.pipeline.prepare import TrainingData

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

Naive = float | Mapping[str, float]
"""The naive prediction: one number, or one for each measured output."""


def measured(
    model: ModelSpec, data: TrainingData, scores: pl.DataFrame, steps: Rows | None = None
) -> tuple[dict[str, float], Naive, list[str]]:
    """Metrics, the naive prediction, and what is worth telling in words.

    Args:
        model: Says what is measured, and how.
        data: ``holdout`` has the truth of each row of ``scores``.
        scores: Of the holdout, in its order.
        steps: Of series, the rows of the holdout with what else is known of them.

    Raises:
        ScoreFailed: No row has a score, or some scores cannot be.
    """
    import polars as pl

    task, goal = model.task, model.goal
    given = scores.select(model.measured)
    floats = given.select(pl.all().cast(pl.Float64))
    without = _without(model, floats)
    wrong = task.wrong_scores(floats, goal)
    if wrong:
        refusal, names = task.wrong_score, ", ".join(model.measured[:1])
        more = f" (or another of the {len(model.measured)} columns)" if len(model.measured) > 1 else ""
        raise ScoreFailed(
            f"score gave {refusal.what} for {wrong:,} of {floats.height:,} holdout rows: {names}{more} is "
            f"{refusal.there} there",
            where=_at(model),
            fix=refusal.fix,
        )
    truth = _truth(model, data.holdout)
    if what := task.contradiction(floats.drop_nulls(), truth, goal):
        raise ScoreFailed(
            f"score gave {what}",
            where=_at(model),
            fix="check that fit learns each quantile: of a declared estimator, the argument that asks for "
            "quantiles, such as loss: quantile",
        )
    naive = task.naive(_truth(model, data.fit), _units(model, data.fit), goal)
    predicted = floats.fill_null(float("nan")).to_numpy()
    rows = steps.scored(predicted) if steps else Rows(truth, predicted, _units(model, data.holdout), goal)
    said = [float(number) for number in naive]
    return (
        task.measured(rows, naive),
        said[0] if len(said) == 1 else dict(zip(model.measured, said, strict=True)),
        [*without, *task.remarks(given, goal)],
    )


def _without(model: ModelSpec, floats: pl.DataFrame) -> list[str]:
    """Says how many rows have no score. Raises ScoreFailed where none has."""
    import polars as pl

    rows = floats.height
    nan = floats.select(pl.any_horizontal(pl.all().is_nan().fill_null(False)).sum()).item()
    none = floats.select(pl.any_horizontal(pl.all().fill_nan(None).is_null()).sum()).item()
    if not none:
        return []
    words = f"score gave {'NaN' if nan else 'no value'} for {none:,} of {rows:,} holdout rows"
    if none == rows:
        raise ScoreFailed(
            words,
            where=_at(model),
            fix="check what score does with null features; if it cannot take them, declare a check "
            "{nulls: false}",
        )
    return [words]


def _truth(model: ModelSpec, frame: pl.DataFrame) -> Floats:
    return model.task.truth(frame[model.target], model.goal)


def _units(model: ModelSpec, frame: pl.DataFrame) -> Floats:
    import numpy as np
    import polars as pl

    exposure = model.goal.exposure
    return frame[exposure].cast(pl.Float64).to_numpy() if exposure else np.ones(frame.height)


def _at(model: ModelSpec) -> str:
    for key in ("output.evaluate", "output.columns"):
        if key in model.origins:
            return str(model.origins[key])
    return str(model.origin)


def rounded(values: Mapping[str, float]) -> str:
    """One line for people: ``auc 0.71, brier 0.145``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
