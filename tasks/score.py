"""The tasks that publish a model's output: for the run's date, and for dates that others need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import luigi

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import AccessRefused, GateFailed, Stale
from kronkers_batch.events.types import Kind
from kronkers_batch.monitoring.gates import as_words
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.steps import rights
from kronkers_batch.steps import score as step
from kronkers_batch.steps.decide import ScoringState, champion_as_of, scoring_reason, scoring_state
from kronkers_batch.steps.permits import refusal
from kronkers_batch.steps.sources import published_dates, source_of
from kronkers_batch.steps.windows import scoring_window
from tasks.base import BaseTask
from tasks.ingest import Ingest
from tasks.train import due_training, patience


class OutputTask(BaseTask):
    """A task about one model's output of one logical date."""

    model: str = luigi.Parameter()
    date: dt.date = luigi.DateParameter()

    @property
    def subject(self) -> tuple[str, str]:
        """The model and its department."""
        return self.model, self.services.model(self.model).department

    def refusal(self) -> AccessRefused | None:
        """Why the model's definition may not be run."""
        return refusal(self.services, self.model)

    def barred(self) -> AccessRefused | None:
        """Why the caller may not run the model; a plan shows what a run by who may would do."""
        return rights.refusal(self.services, self.model) if self.run_id else None


class Score(OutputTask):
    """Score one logical date with the champion as of the run's start.

    Never waits for a training, except for the first one, without which there is no champion. Complete when
    the output with today's fingerprint is published or held, as today's thresholds say.
    """

    priority = 10  # predictions before retrainings
    _as_of: ModelVersion | None = None

    @property
    def champion(self) -> ModelVersion | None:
        """The version that scores; as of a moment it is always the same one, and looked up once."""
        found = self._as_of or champion_as_of(self.services, self.model, self.as_of)
        if self.as_of:
            self._as_of = found
        return found

    @property
    def ingest(self) -> Ingest:
        """The task that freezes what is scored."""
        spec = self.services.model(self.model)
        window = scoring_window(spec, source_of(self.services, spec.source), self.date)
        return Ingest.of(self.services, spec, window, **self.common)

    def requires(self) -> Iterator[BaseTask]:
        """The scoring window, frozen; and the first training where there is no champion."""
        if self.refusal() or self.barred():
            return
        yield self.ingest
        if self.champion is None:
            yield from first_training(self)

    def settled(self) -> bool:
        """Whether the output is there and judged."""
        state = self.state() if all(task.complete() for task in self.ingest.requires()) else None
        return state is not None and (state.settled or self._done_since() is not None)

    def state(self) -> ScoringState | None:
        """What there is of this output; None without a champion."""
        champion = self.champion
        return None if champion is None else self._state_by(champion)

    def _state_by(self, version: ModelVersion) -> ScoringState:
        return scoring_state(self.services, self.services.model(self.model), self.date, version)

    def _done_since(self) -> ScoringState | None:
        """The output of a champion that was promoted after this run began, where it is there already.

        A run that began later made it, and this one would put an older version in its place.
        """
        now = self.services.registry.champion(self.model) if self.as_of else None
        if now is None or self.champion is None or now.id == self.champion.id:
            return None
        state = self._state_by(now)
        return state if state.settled else None

    def reason(self) -> str:
        """Why it is scored."""
        if error := self.refusal():
            return f"refused: {error.what}"
        champion, state = self.champion, self.state()
        if champion is None or state is None:
            return "no champion yet"
        spec = self.services.model(self.model)
        reason = scoring_reason(self.services, spec, self.date, champion, state)
        return reason or "what it reads changes first"

    def work(self) -> tuple[str, str]:
        """Score, or judge anew what is scored already; or take what another run made meanwhile."""
        services, spec = self.services, self.services.model(self.model)
        champion = self.champion
        if champion is None:
            newest = services.registry.versions(self.model)
            raise GateFailed(
                f"{self.model} has no champion" + (f": {_not_promoted(newest[-1])}" if newest else ""),
                where=f"model {self.model}",
                fix=f"see kronkers versions {self.model}; change the model or its thresholds, or promote one",
            )
        with services.db.claim(f"output {self.model}/{self.date}", wait=patience(spec)):
            state = self._state_by(champion)
            if done := state if state.settled else self._done_since():
                return _meanwhile(done)
            try:
                return self._scored(spec, champion, state)
            except Stale:
                # Of another host, or one that this run waited for in vain.
                if (state := self._state_by(champion)).settled:
                    return _meanwhile(state)
                raise

    def _scored(self, spec: ModelSpec, champion: ModelVersion, state: ScoringState) -> tuple[str, str]:
        services = self.services
        if state.output is not None:
            words = as_words(spec.output_thresholds)
            why = scoring_reason(services, spec, self.date, champion, state)
            output = services.warehouse.judge(
                state.output,
                state.verdict.missed,
                why,
                words,
                event=lambda connection, output: step.tell(
                    self.occasion, connection, Kind.JUDGED, step.Scored(output, state.verdict)
                ),
            )
            scored = step.Scored(output, state.verdict)
        else:
            scored = step.score(services, spec, self.date, champion, state.fingerprint, self.occasion)
        return ("done" if scored.published else "held"), scored.message()


def _meanwhile(state: ScoringState) -> tuple[str, str]:
    ref = state.output.ref if state.output else ""
    if state.verdict.passed:
        return "done", f"{ref} done meanwhile by another run"
    return "held", f"{ref} done meanwhile by another run, and held: {state.verdict.why()}"


def _not_promoted(version: ModelVersion) -> str:
    missed = "; ".join(version.training.verdict)
    return f"{version.ref} was not promoted" + (f", since {missed}" if missed else "")


class Published(OutputTask):
    """Some published output of a past date, whichever version scored it; scored now where there is none."""

    def refusal(self) -> AccessRefused | None:
        """Nothing: what was published before the model was refused stays published."""
        return None

    def barred(self) -> AccessRefused | None:
        """Nothing: who may read an output need not be who may make it."""
        return None

    def requires(self) -> Iterator[BaseTask]:
        """The scoring of that date, where the caller could see whether it is up to date."""
        if rights.sees(self.services, self.model):
            yield Score(model=self.model, date=self.date, **self.common)

    def settled(self) -> bool:
        """Whether readers see an output of that date."""
        return self.date in published_dates(self.services, self.model)

    def reason(self) -> str:
        """Why it is needed."""
        return "another model reads it"

    def work(self) -> tuple[str, str]:
        """Nothing is left to do but to say so when the scoring was held."""
        if not self.settled():
            if not rights.sees(self.services, self.model):
                rights.require(self.services, "read", self.model)
            raise GateFailed(
                f"the output of {self.model} for {self.date} is held, so models that read it cannot go on",
                where=f"model {self.model}",
                fix=f"see kronkers outputs {self.model}",
            )
        return "done", "published"


def first_training(task: Score) -> Iterator[BaseTask]:
    """The training that a model without a champion needs, if today's definition was not yet tried.

    It is as of the run's date, also where the scoring of an earlier date waits for it.
    """
    date = dt.date.fromisoformat(task.tonight) if task.tonight else task.date
    yield from due_training(task.services, task.model, date, task.common)
