"""Rules that somebody wrote down: code that learns nothing from data.

With a target they are measured as the kind that ``target.as`` names, and have its outputs; without one there
is nothing to hold them against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import NUMBERS, TASKS, Goal, Metric, Refusal, Task, Unsupervised, UsesTarget

if TYPE_CHECKING:
    import polars as pl


class Rules(Unsupervised):
    """Whatever the code says."""

    predicts = "what rules say that somebody wrote down"
    details = ("**Without a target** nothing is measured but `unscored`.",)
    target = UsesTarget.MAYBE
    learns = False
    keys = ("judged_as",)
    required = ("judged_as",)
    example = Goal(judged_as="binary")
    measured_types = (*NUMBERS, ColumnType.BOOLEAN, ColumnType.STRING)
    wrong_score = Refusal("no value", "no value", "return a value")

    def judge(self, goal: Goal) -> Task:
        """The kind that is named; where none is, nothing is measured."""
        return TASKS[goal.judged_as] if goal.judged_as in judges() else self

    def metrics(self, goal: Goal) -> dict[str, Metric]:  # noqa: ARG002 - the same for all
        """None: nothing says what is right."""
        return {}

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Whatever the code says may be."""
        return 0


def judges() -> tuple[str, ...]:
    """The kinds by whose metrics rules may be measured: those that always have a target."""
    return tuple(name for name, task in TASKS.items() if task.target is UsesTarget.ALWAYS)


KIND = Rules()
