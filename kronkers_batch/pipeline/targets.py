"""The target's values, looked at before anything is fitted: they must be those of the model's task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, Task
from kronkers_batch.errors import DataError
from kronkers_batch.pipeline.prepare import TrainingData

if TYPE_CHECKING:
    import polars as pl


def check_target(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError unless every known target is true, false, 0 or 1 (binary), or a finite number."""
    wrong = sum(_wrong(part[model.target], model.task) for part in (data.fit, data.holdout))
    if not wrong:
        return
    rows = data.fit.height + data.holdout.height
    if model.task is Task.BINARY:
        what, fix = (
            "neither 0 nor 1",
            "derive 0 or 1 (or a boolean) in a query source, or declare task: regression",
        )
    else:
        what, fix = (
            "no finite number (NaN or infinite)",
            "make them null in a query source: such rows are left out",
        )
    raise DataError(
        f"the target {model.target} is {what} in {wrong:,} of {rows:,} rows",
        where=str(model.origins.get("target", model.origin)),
        fix=fix,
    )


def _wrong(target: pl.Series, task: Task) -> int:
    import polars as pl

    if target.dtype == pl.Boolean:
        return 0
    right = (target == 0) | (target == 1) if task is Task.BINARY else target.is_finite()
    return int((~right).sum())
