"""The end of a run: what expires, the verdict on each model, the checkpoint, and the run's row."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from kronkers_batch.access import rights
from kronkers_batch.access.stopped import Stopped
from kronkers_batch.audit import checkpoint, runlog, runs, unfinished
from kronkers_batch.errors import KronkersError
from kronkers_batch.events.types import Event
from kronkers_batch.facts.results import caught_up
from kronkers_batch.pipeline.expiry import expire_snapshots
from kronkers_batch.pipeline.retention import expire_outputs
from kronkers_batch.planning.plan import AnyEntry, Plan, State
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Verdict
from kronkers_batch.session.services import Services
from tasks import outcome


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, logical date, one verdict a model, and every event of work.

    ``problems`` are what went wrong at its end, when the work of every model was done and kept; ``warnings``
    what somebody should know though nothing went wrong; ``remarks`` what was done beside the models' work.
    """

    run_id: str
    date: dt.date
    verdicts: tuple[Verdict, ...]
    events: tuple[Event, ...]
    seconds: float
    problems: tuple[KronkersError, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """By the verdicts; a problem at the end has a code of its own, and the higher one counts."""
        return verdict.exit_code(self.verdicts, (problem.exit_code for problem in self.problems))


def end(
    services: Services,
    date: dt.date,
    started: float,
    departments: Mapping[str, str],
    forbidden: Mapping[str, Stopped],
    *,
    delete_expired: bool,
) -> RunResult:
    """What is done when no task is left, and the verdict on each model."""
    run_id, plan, warnings = services.run_id, services.run.plan, list[str]()
    if plan is None:
        raise TypeError("a run has a plan")
    is_there = partial(_is_there, services, plan)
    services.workers.empty()  # no entry of theirs comes after the run is verified
    for name, stopped in forbidden.items():
        event = Event(name, "score", "refused", 0.0, str(stopped.error), "")
        runlog.record(services, run_id, stopped.department, event)
    events = verdict.work(runlog.events(services, run_id))
    refusals = {event.model: event.message for event in events if event.state == "refused"}
    for name, message in refusals.items():
        why = message.split("\n", 1)[0].removeprefix(f"{services.vault.principal}: ")
        rights.refused(services, f"run {name}", why)
    verdicts = {name: outcome.of(plan, name, events, is_there) for name in departments}
    good = [name for name, each in verdicts.items() if each.ok]
    problems = [_problem(expire_outputs, services, date, good, delete_expired)]
    expired = expire_snapshots(services, date, good, delete_expired)
    problems.append(expired.problem)
    events = verdict.work(runlog.events(services, run_id))
    for name in {event.model for event in events if event.task == "expire"}:
        verdicts[name] = outcome.of(plan, name, events, is_there)
    problems.append(_problem(_checkpointed, services, departments))
    problems.append(_problem(runlog.require_kept, services, run_id))
    found = tuple(problem for problem in problems if problem is not None)
    for problem in found:
        event = Event("ledger", runlog.VERIFY, "failed", 0.0, str(problem), "at the end of the run")
        tell(services, departments, event)
    concluded = tuple(verdicts.values())
    seconds = time.monotonic() - started
    warnings += expired.warnings
    warnings += unfinished.retry(services)
    result = RunResult(
        run_id, date, concluded, events, seconds, found, tuple(warnings), remarks=tuple(expired.deleted)
    )
    each = [(departments[one.model], one) for one in concluded]
    runs.finish(services, run_id, result.exit_code, each, seconds=seconds)
    return result


def _is_there(services: Services, plan: Plan, entry: AnyEntry) -> bool:
    """Whether an entry's result is there, by this process or another one."""
    return caught_up(services, plan, [entry.key]).entries[entry.key].state is State.DONE


def stopped(services: Services, departments: Mapping[str, str], error: BaseException, seconds: float) -> None:
    """A run that somebody stopped, or that an error ended: what was done by then stands, and is said."""
    with contextlib.suppress(KronkersError):  # the first error is shown; this run shows as interrupted anyway
        events = verdict.work(runlog.events(services, services.run_id))
        verdicts = [(d, verdict.interrupted(name, events)) for name, d in departments.items()]
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        runs.finish(services, services.run_id, code, verdicts, runs.INTERRUPTED, seconds=seconds)


def tell(services: Services, departments: Mapping[str, str], event: Event) -> None:
    """What is about no model is recorded for each department, so that its page shows it."""
    for department in dict.fromkeys(departments.values()):
        with contextlib.suppress(KronkersError):  # where nothing can be written, the exit code says it
            runlog.record(services, services.run_id, department, event)


def _checkpointed(services: Services, departments: Mapping[str, str]) -> None:
    """Verifies what is new and writes a checkpoint; one that cannot be written now fails no night."""
    try:
        checkpoint.write(services)
    except checkpoint.NoCheckpoint as error:
        event = Event("ledger", runlog.VERIFY, "warned", 0.0, str(error), "at the end of the run")
        tell(services, departments, event)


def _problem(work: Callable[..., object], *arguments: object) -> KronkersError | None:
    """What went wrong in something that a run does at its end; its models' work stands all the same."""
    try:
        work(*arguments)
    except KronkersError as error:
        return error
    return None
