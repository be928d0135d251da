"""The task that trains one model as of one logical date."""

from __future__ import annotations

import datetime as dt

import luigi

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.facts.as_facts import standing
from kronkers_batch.facts.decided import require_same
from kronkers_batch.facts.gather import gather
from kronkers_batch.pipeline import train as step
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning import training_due
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.plan import Plan, Result, Trained
from kronkers_batch.registry.training import ModelVersion
from tasks.base_task import BaseTask, Common


class Training(BaseTask):
    """A task about one model's training as of one logical date."""

    model: str = luigi.Parameter()
    date: dt.date = luigi.DateParameter()

    @property
    def key(self) -> str:
        """The key of its entry."""
        return f"train {self.model}/{self.date}"

    @property
    def subject(self) -> tuple[str, str]:
        """The model and its department."""
        return self.model, self.services.model(self.model).department

    def decided(self) -> Plan:
        """The night of this model alone."""
        return decide(gather(self.services, self.date, [self.model], running=bool(self.run_id)))


class Train(Training):
    """Train a model; ``fingerprint`` says of which definition, and which repetition of it."""

    fingerprint: str = luigi.Parameter()

    @property
    def entry(self) -> entries.Train:
        """Its entry."""
        found = super().entry
        if not isinstance(found, entries.Train):
            raise TypeError(f"{self.key} is no training")
        return found

    def work(self) -> tuple[str, str, Result]:
        """Train; or promote a recorded version that today's thresholds let through, and that never was."""
        services, spec, entry = self.services, self.services.model(self.model), self.entry
        require_same(services, self.plan, self.model)
        with services.db.claim(f"training of {self.model}", wait=patience(spec)):
            now = standing(services, self.plan.facts.models[self.model], self.date, (self.fingerprint,))
            if there := now.trained.get(self.fingerprint):
                recorded = services.run.versions[there.id]
                if training_due.promotable(now, there):
                    why = step.promote_recorded(services, spec, recorded, self.occasion)
                    return "done", f"{there.ref} promoted: {why}", self._result(recorded)
                missed = "; ".join(there.missed_then)
                words = f"{there.ref} trained meanwhile by another run" + (missed and f": {missed}")
                return "held" if missed else "done", words, self._result(recorded)
            definition = define(services, spec)
            what = (self.date, self.fingerprint, definition, entry.why, self.occasion)
            made = step.train(services, spec, *what)
        return made.state, made.message(), self._result(made.version)

    def _result(self, made: ModelVersion) -> Trained:
        now = standing(self.services, self.plan.facts.models[self.model], self.date, (self.fingerprint,))
        return Trained(self.key, now.champion, now.trained.get(made.training.fingerprint))


class Decide(Training):
    """Stands for a training of which it cannot be said whether it is due, and fails with the reason.

    A language that is missing or code that does not parse is its own model's failure, and no other's.
    """


def patience(spec: ModelSpec) -> float:
    """Seconds to wait for another run that does the same: as long as its process may take for one command."""
    return spec.resources.time_limit.total_seconds()


def task_of(entry: entries.Train, common: Common) -> Training:
    """The task of an entry of a plan."""
    if not entry.fingerprint:
        return Decide(model=entry.model, date=entry.date, **common)
    return Train(model=entry.model, date=entry.date, fingerprint=entry.fingerprint, **common)
