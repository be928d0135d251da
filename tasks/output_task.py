"""A task about one model's output of one logical date."""

from __future__ import annotations

import datetime as dt

import luigi

from kronkers_batch.facts.gather import gather
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.plan import Plan
from tasks.base_task import BaseTask


class OutputTask(BaseTask):
    """A task about one model's output of one logical date."""

    model: str = luigi.Parameter()
    date: dt.date = luigi.DateParameter()

    @property
    def key(self) -> str:
        """The key of its entry."""
        return f"{self.kind} {self.model}/{self.date}"

    @property
    def subject(self) -> tuple[str, str]:
        """The model and its department."""
        return self.model, self.services.model(self.model).department

    def decided(self) -> Plan:
        """The night of this model alone."""
        return decide(gather(self.services, self.date, [self.model], running=bool(self.run_id)))
