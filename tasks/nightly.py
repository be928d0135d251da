"""The whole graph of one logical date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import luigi

from kronkers_batch.access.stopped import named
from kronkers_batch.facts.gather import gather
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.plan import Plan, State
from tasks.base_task import BaseTask, task_of


class Nightly(BaseTask):
    """Score every enabled model, or those named, and train those whose training is due."""

    date: dt.date = luigi.DateParameter()
    models: tuple[str, ...] = luigi.TupleParameter(default=())

    def decided(self) -> Plan:
        """What is to be done on that date."""
        names = named(self.services, self.models)
        return decide(gather(self.services, self.date, names, running=bool(self.run_id)))

    def requires(self) -> Sequence[BaseTask]:
        """What the plan has to do for each model that is asked for."""
        roots = (self.plan.entries[key] for key in self.plan.roots)
        return [task_of(entry, self.common, self.plan) for entry in roots if entry.state is not State.DONE]

    def complete(self) -> bool:
        """Whether nothing is left to do."""
        if self.services.run.planned_here and not self._asked:
            self._asked = True
            return not self.requires()
        return all(task.complete() for task in self.requires())

    def run(self) -> None:
        """Nothing of its own: the work is in what it requires."""
