"""A kind of task that only tests have: a number that is never negative, with a metric of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import LOSS, Goal, Loss, Metric, Refusal, Rows, Task, outside
from kronkers_batch.learning.regression import squared


def off(rows: Rows) -> float:
    return float(abs(rows.only - rows.truth).mean())


class Dummy(Task):
    predicts = "a count"
    measured_types = (ColumnType.FLOAT,)
    losses: ClassVar = {"squared": Loss(squared)}
    asked = "regression"
    wrong_score = Refusal("no count", "below 0", "return counts")
    wrong_target = Refusal("no count", "", "count anew")

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:
        return (ColumnType.INTEGER,)

    def outputs(self, goal: Goal) -> dict[str, ColumnType]:
        return {"count": ColumnType.FLOAT}

    def metrics(self, goal: Goal) -> dict[str, Metric]:
        return {"off": Metric(LOSS, ("max",), off)}

    def fits_target(self, target, goal):
        return target >= 0

    def wrong_scores(self, scores, goal) -> int:
        return outside(scores, *LOSS)

    def naive(self, truth, units, goal):
        return np.array([truth.mean()])


KIND = Dummy()
