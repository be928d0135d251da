"""The task that freezes one window of one source; models that share the source share the task."""

from __future__ import annotations

import datetime as dt

import luigi

from kronkers_batch.access.authorisation import authorise_input
from kronkers_batch.declared.sources import source_of
from kronkers_batch.facts.results import ref_of, window_of
from kronkers_batch.pipeline import ingest as step
from kronkers_batch.planning.facts import Facts
from kronkers_batch.planning.plan import Frozen, Plan, Result, State
from kronkers_batch.planning.plan import Ingest as Entry
from kronkers_batch.vault.context import Scope, scope_of
from tasks.base_task import BaseTask, Common


class Ingest(BaseTask):
    """Freeze ``[start, end)`` of a source as a snapshot. An empty time is an open end.

    ``under`` is whose key (a department, or ``DEPARTMENT/MODEL``): models that share a source share the task
    where the caller is operator of a department.
    """

    source: str = luigi.Parameter()  # a source's name, or output.MODEL
    under: str = luigi.Parameter(default="")  # empty is the department that declares the source
    start: str = luigi.Parameter(default="")
    end: str = luigi.Parameter(default="")

    @property
    def key(self) -> str:
        """The key of its entry."""
        return f"ingest {self.source} [{self.start}, {self.end}) under {self.scope}"

    @property
    def scope(self) -> Scope:
        """Whose key it is frozen under."""
        return scope_of(self.under or source_of(self.services, ref_of(self.source)).department)

    @property
    def subject(self) -> tuple[str, str]:
        """The source, and whose key it is frozen under."""
        return self.source, str(self.scope)

    def decided(self) -> Plan:
        """This window alone."""
        entry = Entry(
            key=self.key,
            state=State.DUE,
            source=self.source,
            under=str(self.scope),
            start=self.start,
            end=self.end,
            window=str(window_of(self.start, self.end)),
        )
        return Plan(Facts(dt.date.min, (), {}), {entry.key: entry}, (entry.key,))

    def work(self) -> tuple[str, str, Result]:
        """Read, check and freeze."""
        window = window_of(self.start, self.end)
        ref = ref_of(self.source)
        authorise_input(self.services, ref)
        identity, snapshot = step.freeze(self.services, ref, window, self.scope, self.occasion)
        return "done", step.in_words(snapshot.rows, snapshot.results), Frozen(self.key, identity)


def task_of(entry: Entry, common: Common) -> Ingest:
    """The task of an entry of a plan."""
    return Ingest(source=entry.source, under=entry.under, start=entry.start, end=entry.end, **common)
