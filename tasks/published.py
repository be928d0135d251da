"""The task that an earlier date's output is published, since another model reads it."""

from __future__ import annotations

from kronkers_batch.access import rights
from kronkers_batch.errors import GateFailed
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.plan import Result, Scored
from tasks.base_task import Common
from tasks.output_task import OutputTask


class Published(OutputTask):
    """Some published output of a past date, whichever version scored it; scored now where there is none."""

    def work(self) -> tuple[str, str, Result]:
        """Nothing is left to do but to say so when the scoring was held."""
        head = self.services.warehouse.head(self.model, self.date)
        if head is None:
            if not rights.sees(self.services, self.model):
                rights.require(self.services, "read", self.model)
            raise GateFailed(
                f"the output of {self.model} for {self.date} is held, so models that read this output "
                "cannot run",
                where=f"model {self.model}",
                fix=f"kronkers outputs {self.model} shows why; correct the data or the thresholds, and run "
                f"{self.model} again",
            )
        return "done", "published", Scored(self.key, head.id)


def task_of(entry: entries.Published, common: Common) -> Published:
    """The task of an entry of a plan."""
    return Published(model=entry.model, date=entry.date, **common)
