"""The task that trains one model as of one logical date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import luigi

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import AccessRefused, KronkersError, described
from kronkers_batch.steps import rights
from kronkers_batch.steps import train as step
from kronkers_batch.steps.decide import promotable, training_due
from kronkers_batch.steps.definitions import define
from kronkers_batch.steps.permits import refusal
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import source_of
from kronkers_batch.steps.windows import training_window
from tasks.base import BaseTask
from tasks.ingest import Ingest


class Train(BaseTask):
    """Train a model; ``fingerprint`` says of which definition, and which repetition of it.

    Complete when a version with this fingerprint is recorded, and today's thresholds have judged it.
    """

    model: str = luigi.Parameter()
    date: dt.date = luigi.DateParameter()
    fingerprint: str = luigi.Parameter()
    why: str = luigi.Parameter(default="", significant=False, positional=False)

    @property
    def subject(self) -> tuple[str, str]:
        """The model and its department."""
        return self.model, self.services.model(self.model).department

    def refusal(self) -> AccessRefused | None:
        """Why the model's definition may not be run."""
        return refusal(self.services, self.model)

    def barred(self) -> AccessRefused | None:
        """Why the caller may not train the model."""
        return rights.refusal(self.services, self.model) if self.run_id else None

    def requires(self) -> Iterator[BaseTask]:
        """The training window, frozen; nothing where a recorded version only has to be judged."""
        if self.refusal() or self.barred():
            return
        spec = self.services.model(self.model)
        if self.services.registry.find(self.model, self.fingerprint) is None:
            source = source_of(self.services, spec.source)
            window = training_window(spec, source, self.date)
            yield Ingest.of(self.services, spec, window, **self.common)

    def settled(self) -> bool:
        """Whether the version is there and judged."""
        version = self.services.registry.find(self.model, self.fingerprint)
        return version is not None and not promotable(self.services, self.services.model(self.model), version)

    def reason(self) -> str:
        """Why the model is trained."""
        return self.why

    def work(self) -> tuple[str, str]:
        """Train; or promote a recorded version that today's thresholds let through, and that never was."""
        services, spec = self.services, self.services.model(self.model)
        with services.db.claim(f"training of {self.model}", wait=patience(spec)):
            recorded = services.registry.find(self.model, self.fingerprint)
            if recorded is not None and promotable(services, spec, recorded):
                why = step.promote_recorded(services, spec, recorded, self.occasion)
                return "done", f"{recorded.ref} promoted: {why}"
            if recorded is not None:
                missed = "; ".join(recorded.training.verdict)
                state = "held" if missed else "done"
                return state, f"{recorded.ref} trained meanwhile by another run" + (missed and f": {missed}")
            definition = define(services, spec)
            asked = (self.date, self.fingerprint, definition, self.why, self.occasion)
            trained = step.train(services, spec, *asked)
        return trained.state, trained.message()


class Decide(BaseTask):
    """Stands for a training of which it cannot be said whether it is due, and fails with the reason.

    A language that is missing or code that does not parse is its own model's failure, and no other's.
    """

    model: str = luigi.Parameter()
    date: dt.date = luigi.DateParameter()

    @property
    def subject(self) -> tuple[str, str]:
        """The model and its department."""
        return self.model, self.services.model(self.model).department

    def settled(self) -> bool:
        """Never: it is in the graph only where there is an error."""
        return False

    def reason(self) -> str:
        """The error, in one line."""
        try:
            self.work()
        except KronkersError as error:
            return f"{error.where}: {error.what}" if error.where else error.what
        except Exception as error:
            return described(error).split("\n", 1)[0]
        return "it could not be decided before"

    def work(self) -> tuple[str, str]:
        """Ask again, and fail as it failed before."""
        training_due(self.services, self.services.model(self.model), self.date)
        return "done", "it can be decided now; the next run will"


def patience(spec: ModelSpec) -> float:
    """Seconds to wait for another run that does the same: as long as its process may take for one command."""
    return spec.resources.time_limit.total_seconds()


def due_training(
    services: Services, name: str, date: dt.date, common: Mapping[str, Any]
) -> Iterator[BaseTask]:
    """The training that a model needs as of a date; a :class:`Decide` where that cannot be told."""
    try:
        due = training_due(services, services.model(name), date)
    except Exception:  # also one that nobody foresaw stops no other model
        yield Decide(model=name, date=date, **common)
        return
    if due is not None:
        yield Train(model=name, date=date, fingerprint=due.fingerprint, why=due.reason, **common)
