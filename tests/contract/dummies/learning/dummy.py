"""A kind of task that only tests have: a number that is never negative, with a metric of its own."""

from __future__ import annotations

from typing import ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import LOSS, Metric, Refusal, Task, squared_error


def off(truth, score) -> float:
    return float(abs(score - truth).mean())


class Dummy(Task):
    predicts = "a count"
    target_types = (ColumnType.INTEGER,)
    columns: ClassVar = {"count": ColumnType.FLOAT}
    measured_types = (ColumnType.FLOAT,)
    metrics: ClassVar = {"off": Metric(LOSS, ("max",), off)}
    asked = "regression"
    score_range = LOSS
    wrong_score = Refusal("no count", "below 0", "return counts")
    wrong_target = Refusal("no count", "", "count anew")

    def fits_target(self, target):
        return target >= 0

    def naive(self, target) -> float:
        return float(target.mean())

    def loss(self, truth, score) -> float:
        return squared_error(truth, score)


KIND = Dummy()
