"""What a model file says of its task, as one goal; and the output columns that follow."""

from __future__ import annotations

from collections.abc import Collection

from kronkers_batch.config.task_fields import DecisionValues, OutputValues, TargetValues
from kronkers_batch.frames.panel import Panel
from kronkers_batch.learning import SCORE, Goal, Task

_NO_TARGET: TargetValues = {
    "column": None,
    "time": None,
    "event": "",
    "horizons": (),
    "as": None,
    "at": None,
    "positive": "",
    "classes": (),
    "ordered": False,
    "loss": "",
    "min": None,
}


def goal_of(
    target: TargetValues | None,
    output: OutputValues,
    decision: DecisionValues,
    *,
    weights: str,
    exposure: str,
    group: str,
    panel: Panel | None,
    measures: Collection[str],
) -> Goal:
    """What is said of the target, of the scores and of columns with a role; the loss may be a measure."""
    said = target or _NO_TARGET
    return Goal(
        positive=said["positive"],
        classes=said["classes"],
        ordered=said["ordered"],
        loss="" if said["loss"] in measures else said["loss"],
        quantiles=output["quantiles"],
        weights=weights,
        exposure=exposure,
        group=group,
        at=said["at"] or 0,
        event=said["event"],
        horizons=tuple(map(float, said["horizons"])),
        judged_as=said["as"] or "",
        higher_is=output["higher_is"] or "",
        top=decision["top"] or 0,
        panel=panel,
    )


def output_columns(task: Task | None, goal: Goal, declared: dict[str, str] | None) -> dict[str, str]:
    """Those of the task, where its columns are fixed or none are declared; then the declared ones."""
    task = task and task.judge(goal)
    usual = SCORE if task is None else task.outputs(goal)
    own = {column: str(kind) for column, kind in usual.items()}
    if declared is None:
        return own
    return {**own, **declared} if task is not None and task.fixed(goal) else declared
