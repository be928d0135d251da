"""What all tasks share: how they reach the system, and how what happens to them is recorded."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from typing import Any

import luigi

from kronkers_batch.errors import AccessRefused, described, found_in
from kronkers_batch.events.types import Event
from kronkers_batch.steps import runlog
from kronkers_batch.steps.occasion import Occasion
from kronkers_batch.steps.services import Services
from tasks import context


class BaseTask(luigi.Task):
    """A task of the graph.

    The parameters here say in which run and over which configuration a task works, not what it makes, so they
    are not significant: two runs' tasks for the same model and date are the same task.

    Attributes:
        conf: The configuration folder; empty means as the command line finds it.
        overrides: Overrides of the configuration.
        run_id: The run to record under; empty records nothing.
        token: The run's claim, which every write transaction takes.
        as_of: The moment (microseconds UTC) whose champions score; 0 means now.
        tonight: The run's logical date (ISO); empty outside a run.
    """

    conf: str = luigi.Parameter(default="", significant=False, positional=False)
    overrides: tuple[str, ...] = luigi.TupleParameter(default=(), significant=False, positional=False)
    run_id: str = luigi.Parameter(default="", significant=False, positional=False)
    token: int = luigi.IntParameter(default=0, significant=False, positional=False)
    as_of: int = luigi.IntParameter(default=0, significant=False, positional=False)
    tonight: str = luigi.Parameter(default="", significant=False, positional=False)

    _occasion: Occasion | None = None

    @property
    def _date(self) -> str:
        """The logical date of its result (ISO), else the run's."""
        return str(getattr(self, "date", self.tonight))

    @property
    def services(self) -> Services:
        """The system that this task works on."""
        return context.services(self.conf, tuple(self.overrides), self.run_id, self.token)

    @property
    def common(self) -> dict[str, Any]:
        """What a task hands to the tasks that it requires."""
        names = ("conf", "overrides", "run_id", "token", "as_of", "tonight")
        return {name: getattr(self, name) for name in names}

    @property
    def kind(self) -> str:
        """The task's kind in messages and records: its class's name in lower case."""
        return type(self).__name__.lower()

    @property
    def subject(self) -> tuple[str, str]:
        """What it works on, and the department that owns that."""
        raise TypeError(f"{type(self).__name__} has no subject")

    def requires(self) -> Iterable[BaseTask]:
        """The tasks that must be complete before this one runs."""
        return ()

    def refusal(self) -> AccessRefused | None:
        """Why nothing of it may be done; None where it may. Such a task requires nothing, and fails."""
        return None

    def barred(self) -> AccessRefused | None:
        """Why the caller has no right to run it; None where they may. It may be complete all the same."""
        return None

    def reason(self) -> str:
        """Why this task is to run, in one line; asked only while it is not complete."""
        raise TypeError(f"{type(self).__name__} has no reason")

    def work(self) -> tuple[str, str]:
        """Do it. Returns the state (``done`` or ``held``) and one line on what came of it."""
        raise TypeError(f"{type(self).__name__} has no work")

    def settled(self) -> bool:
        """Whether there is nothing to do; what :meth:`complete` asks."""
        raise TypeError(f"{type(self).__name__} does not say when it is complete")

    def complete(self) -> bool:
        """Ask the database. An error in asking is this task's failure, and is recorded as such."""
        started = time.monotonic()
        try:
            return self.refusal() is None and self.settled()
        except Exception as error:
            self._record("failed", described(error), "", started, found_in(error))
            raise

    @property
    def occasion(self) -> Occasion:
        """What is told of the work that is being done, in the transaction that shows it to others."""
        if self._occasion is None:
            name, department = self.subject
            self._occasion = Occasion(self.services, name, department, self.kind, date=self._date)
        return self._occasion

    def run(self) -> None:
        """Do the work, and record what happened whether or not it succeeds."""
        started, reason, self._occasion = time.monotonic(), "", None
        try:
            if error := self.refusal() or self.barred():
                raise error
            reason = self.reason()
            self.occasion.begin(reason, started)
            state, message = self.work()
        except Exception as error:
            state = "refused" if isinstance(error, AccessRefused) else "failed"
            self._record(state, described(error), reason, started, found_in(error))
            raise
        if not self.occasion.told:
            self._record(state, message, reason, started)

    def _record(self, state: str, message: str, reason: str, started: float, found: str = "") -> None:
        if state == "failed" and self.services.verbose:
            self.services.log(traceback.format_exc())
        if not self.run_id:
            return
        name, department = self.subject
        seconds = time.monotonic() - started
        event = Event(name, self.kind, state, seconds, message, reason, date=self._date)
        runlog.record(self.services, self.run_id, department, event, found)
