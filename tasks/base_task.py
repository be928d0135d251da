"""What all tasks share: the entry of the plan that a task stands for, and how what happens is recorded."""

from __future__ import annotations

import datetime as dt
import importlib
import time
import traceback
from collections.abc import Iterable
from typing import TypedDict

import luigi

from kronkers_batch import stopping
from kronkers_batch.audit import runlog
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.errors import AccessRefused, KronkersError, described, found_in
from kronkers_batch.events.types import Event
from kronkers_batch.facts.results import caught_up, result_of
from kronkers_batch.planning.decide import advance
from kronkers_batch.planning.facts import Problem
from kronkers_batch.planning.plan import AnyEntry, Plan, Result, State
from kronkers_batch.session.services import Services
from tasks import run_services

_ENDED = {State.FAILED: "failed", State.HELD: "held", State.REFUSED: "refused"}


class Common(TypedDict):
    """What a task hands to the tasks that it requires, as :class:`BaseTask` says."""

    conf: str
    overrides: tuple[str, ...]
    run_id: str
    token: int
    plan_id: str


class Impossible(KronkersError):
    """An entry of the plan that cannot be done; the plan says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.first)
        self.problem = problem


class BaseTask(luigi.Task):
    """A task of the graph: one entry of a plan.

    The parameters here say in which run, over which configuration and by which plan a task works, not what it
    makes, so they are not significant: two runs' tasks for the same model and date are the same task.

    Attributes:
        conf: The configuration folder; empty means as the command line finds it.
        overrides: Overrides of the configuration.
        run_id: The run to record under; empty records nothing.
        token: The run's claim, which every write transaction takes.
        plan_id: The plan that it is an entry of; empty where luigi's own command line asks for it.
    """

    conf: str = luigi.Parameter(default="", significant=False, positional=False)
    overrides: tuple[str, ...] = luigi.TupleParameter(default=(), significant=False, positional=False)
    run_id: str = luigi.Parameter(default="", significant=False, positional=False)
    token: int = luigi.IntParameter(default=0, significant=False, positional=False)
    plan_id: str = luigi.Parameter(default="", significant=False, positional=False)
    _carried: Plan | None = None  # into a process of its own, with the task
    _occasion: Occasion | None = None
    _asked = False  # whether luigi asked for its completeness before

    # ------------------------------------------------------------ the plan

    @property
    def services(self) -> Services:
        """The system that this task works on."""
        return run_services.services(self.conf, tuple(self.overrides), self.run_id, self.token)

    @property
    def common(self) -> Common:
        """What a task hands to the tasks that it requires."""
        return {
            "conf": self.conf,
            "overrides": self.overrides,
            "run_id": self.run_id,
            "token": self.token,
            "plan_id": self.plan_id,
        }

    @property
    def plan(self) -> Plan:
        """The plan as it is by now."""
        run = self.services.run
        if run.plan is None:
            run.planned_here = self._carried is None
            run.plan = self._carried or self.decided()
        self._carried = run.plan
        return run.plan

    def decided(self) -> Plan:
        """The plan of this task alone, where luigi's own command line asks for it."""
        raise TypeError(f"{type(self).__name__} has no plan")

    @property
    def key(self) -> str:
        """The key of its entry."""
        raise TypeError(f"{type(self).__name__} has no key")

    @property
    def entry(self) -> AnyEntry:
        """Its entry, as far as it is known by now."""
        return self.plan.entries[self.key]

    def learn(self, result: Result) -> None:
        """Advance the plan by a result."""
        self.services.run.plan = advance(self.plan, result)

    def _catch_up(self) -> None:
        """Ask for what other processes may have made, where this entry waits for it."""
        self.services.run.plan = caught_up(self.services, self.plan, self.entry.needs)

    # ------------------------------------------------------------ luigi

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
        for key in self.entry.needs:
            if self.plan.entries[key].state is not State.DONE:
                yield task_of(self.plan.entries[key], self.common, self.plan)

    def complete(self) -> bool:
        """Whether its result is there: known by the plan, or asked for. It decides nothing.

        An error in asking is this task's failure, and is recorded as such.
        """
        started = time.monotonic()
        if self.services.run.planned_here and not self._asked:
            self._asked = True  # luigi schedules it: what there is was read for the plan
            return self.entry.state is State.DONE
        try:
            if self.entry.state is State.WAITS:
                self._catch_up()
            if self.entry.state is State.DONE:
                return True
            result = result_of(self.services, self.plan, self.entry)
        except Exception as error:
            self._record("failed", described(error), "", started, found_in(error))
            raise
        if result is not None:
            self.learn(result)
        return result is not None

    @property
    def _date(self) -> str:
        """The logical date of its result (ISO), else the run's."""
        date = getattr(self, "date", self.plan.date)
        return "" if date == dt.date.min else str(date)  # of no night

    @property
    def occasion(self) -> Occasion:
        """Writes the event of the work that is being done, in the transaction that shows it to others."""
        if self._occasion is None:
            name, department = self.subject
            self._occasion = Occasion(self.services, name, department, self.kind, date=self._date)
        return self._occasion

    def work(self) -> tuple[str, str, Result]:
        """Do it. Returns the state (``done`` or ``held``), one line on what came of it, and the result."""
        raise TypeError(f"{type(self).__name__} has no work")

    def run(self) -> None:
        """Do the work, and record what happened whether or not it succeeds."""
        stopping.check()
        try:
            self._do()
        finally:
            self.services.run.printed.forget(self.subject[0])

    def _do(self) -> None:
        started, reason, self._occasion = time.monotonic(), "", None
        try:
            self._catch_up()
            reason = self.entry.why
            if problem := self.entry.problem:
                self._record(_ENDED[self.entry.state], problem.words, reason, started, problem.found)
                raise Impossible(problem)
            self.occasion.begin(reason, started)
            state, message, result = self.work()
        except Impossible:
            raise
        except Exception as error:
            state = "refused" if isinstance(error, AccessRefused) else "failed"
            self._record(state, described(error), reason, started, found_in(error))
            raise
        if not self.occasion.recorded:
            self._record(state, message, reason, started)
        self.learn(result)

    def _record(self, state: str, message: str, reason: str, started: float, found: str = "") -> None:
        if state == "failed" and self.services.verbose:
            self.services.log(traceback.format_exc())
        if not self.run_id:
            return
        name, department = self.subject
        seconds = time.monotonic() - started
        event = Event(name, self.kind, state, seconds, message, reason, date=self._date)
        runlog.record(self.services, self.run_id, department, event, found)


def task_of(entry: AnyEntry, common: Common, plan: Plan) -> BaseTask:
    """The task that an entry of a plan is; it carries the plan into a process of its own.

    The module of its kind's name makes it. Entries of every kind need those of others, so that module is
    looked up by name, when it is needed.
    """
    module = importlib.import_module(f"tasks.{type(entry).__name__.lower()}")
    task: BaseTask = module.task_of(entry, common)
    task._carried = plan
    return task
