"""The target's values, looked at before anything is fitted: they must be those of the model's task."""

from __future__ import annotations

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import DataError
from kronkers_batch.pipeline.prepare import TrainingData


def check_target(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError unless every known value is one that the task allows."""
    wrong = sum(model.task.wrong_targets(part[model.target]) for part in (data.fit, data.holdout))
    if not wrong:
        return
    rows = data.fit.height + data.holdout.height
    refusal = model.task.wrong_target
    raise DataError(
        f"the target {model.target} is {refusal.what} in {wrong:,} of {rows:,} rows",
        where=str(model.origins.get("target", model.origin)),
        fix=refusal.fix,
    )
