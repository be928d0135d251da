"""The task that scores one logical date and publishes the output, or holds it."""

from __future__ import annotations

from kronkers_batch.errors import Stale
from kronkers_batch.events.types import Kind
from kronkers_batch.facts.as_facts import output_of
from kronkers_batch.facts.decided import require_same
from kronkers_batch.facts.results import There, there_is
from kronkers_batch.monitoring.gates import Verdict, as_words
from kronkers_batch.pipeline import score as step
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.facts import Output
from kronkers_batch.planning.plan import Result, Scored
from tasks.base_task import Common
from tasks.output_task import OutputTask
from tasks.train import patience


class Score(OutputTask):
    """Score one logical date with the champion as of the run's start.

    Never waits for a training, except for the first one, without which there is no champion, and for one on
    a source that is declared otherwise since.
    """

    priority = 10  # predictions before retrainings

    @property
    def entry(self) -> entries.Score:
        """Its entry, as far as it is known by now."""
        found = super().entry
        if not isinstance(found, entries.Score):
            raise TypeError(f"{self.key} is no scoring")
        return found

    def work(self) -> tuple[str, str, Result]:
        """Score, or judge anew what is scored already; or take what another run made meanwhile."""
        services, entry = self.services, self.entry
        require_same(services, self.plan, entry.model)
        spec = services.model(entry.model)
        with services.db.claim(f"output {entry.model}/{entry.date}", wait=patience(spec)):
            there = there_is(services, self.plan, entry)
            if there.final is None:
                try:
                    return self._scored(there)
                except Stale:
                    # Of another host, or one that this run waited for in vain.
                    there = there_is(services, self.plan, entry)
                    if not there.final:
                        raise
            return self._meanwhile(there.final, there.head)

    def _scored(self, there: There) -> tuple[str, str, Result]:
        services, entry = self.services, self.entry
        spec = services.model(entry.model)
        if there.output is not None:
            now = output_of(spec, there.output)
            verdict = Verdict(now.missed)
            output = services.warehouse.judge(
                there.output,
                now.missed,
                entry.why,
                as_words(spec.output_thresholds),
                event=lambda connection, output: step.tell(
                    self.occasion, connection, Kind.JUDGED, step.Scored(output, verdict)
                ),
            )
            made = step.Scored(output, verdict)
        elif entry.version is None:
            raise TypeError(f"{entry.key} is scored by nobody")
        else:
            version = services.run.versions.get(entry.version.id)
            version = version or services.registry.get(entry.model, entry.version.number)
            what = (entry.date, version, entry.fingerprint, entry.identity, self.occasion)
            made = step.score(services, spec, *what)
        # Where it is held, readers keep what they had; but not this one, if it was that.
        kept = there.head if there.output is None or there.head != there.output.id else self._head()
        head = made.output.id if made.output.head else kept
        return "done" if made.published else "held", made.message(), Scored(entry.key, head)

    def _head(self) -> str:
        head = self.services.warehouse.head(self.model, self.date)
        return head.id if head else ""

    def _meanwhile(self, output: Output, head: str) -> tuple[str, str, Result]:
        result = Scored(self.key, head)
        if not output.missed:
            return "done", f"{output.ref} done meanwhile by another run", result
        why = "; ".join(output.missed)
        return "held", f"{output.ref} done meanwhile by another run, and held: {why}", result


def task_of(entry: entries.Score, common: Common) -> Score:
    """The task of an entry of a plan."""
    return Score(model=entry.model, date=entry.date, **common)
