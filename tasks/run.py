"""Running the graph with Luigi, and what became of each model."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import luigi

from kronkers_batch.access import rights
from kronkers_batch.access.permits import permit_all, require_house
from kronkers_batch.access.stopped import Stopped, gone, named
from kronkers_batch.audit import checkpoint, clocks, leftovers, runlog, runs, unfinished
from kronkers_batch.errors import KronkersError, StoreError, UsageError
from kronkers_batch.events.types import Event
from kronkers_batch.facts.gather import gather
from kronkers_batch.facts.results import caught_up
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.pipeline.expiry import expire_snapshots
from kronkers_batch.pipeline.retention import expire_outputs
from kronkers_batch.pipeline.warm import prepare_workers
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.decide import decide, decide_training
from kronkers_batch.planning.plan import AnyEntry, Plan, State
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Verdict
from kronkers_batch.session.allocation import keep_pages
from kronkers_batch.session.services import Services
from kronkers_batch.store.ids import new_id
from tasks import context, outcome
from tasks.base import BaseTask
from tasks.graph import task_of
from tasks.nightly import Nightly


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, logical date, one verdict a model, and every event of work.

    ``problems`` are what went wrong at its end, when the work of every model was done and kept; ``warnings``
    what somebody should know though nothing went wrong; ``notes`` what was done beside the models' work.
    """

    run_id: str
    date: dt.date
    verdicts: tuple[Verdict, ...]
    events: tuple[Event, ...]
    seconds: float
    problems: tuple[KronkersError, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """By the verdicts; a problem at the end has a code of its own, and the higher one counts."""
        return verdict.exit_code(self.verdicts, (problem.exit_code for problem in self.problems))


def run(
    services: Services,
    conf: Path,
    overrides: Sequence[str],
    date: dt.date,
    models: Sequence[str] = (),
    trigger: str = "command",
    *,
    delete_expired: bool = False,
) -> RunResult:
    """Run the nightly graph for a date, for the named models or all. One model's failure stops no other.

    Models that the caller may not run are refused, and the others go on. ``delete_expired`` lets retention
    delete also what a run does not delete by itself. Raises AccessRefused where no model is left,
    IntegrityError where the database is older than the newest checkpoint of its ledger.
    """
    with contextlib.ExitStack() as before:
        before.enter_context(services.db.one_moment())
        for name in models:
            services.model(name)
        require_house(services)
        asked = named(services, models)
        barred = {
            name: Stopped(services.model(name).department, error)
            for name in asked
            if (error := rights.refusal(services, name))
        }
        names = [name for name in asked if name not in barred]
        if barred and not names:
            raise next(iter(barred.values())).error
        barred |= {} if models else gone(services)

        def root() -> BaseTask:
            _begin(services, decide(gather(services, date, names, running=True)))
            common = _common(services, conf, overrides)
            return Nightly(date=date, models=tuple(names), **common)

        context.provide(conf, tuple(overrides), services)
        return execute(services, root, date, names, trigger, barred, before, delete_expired=delete_expired)


def train_now(
    services: Services, conf: Path, overrides: Sequence[str], name: str, date: dt.date, *, force: bool
) -> RunResult:
    """Train one model as of a date because somebody asks. Raises UsageError where nothing changed."""
    with contextlib.ExitStack() as before:
        before.enter_context(services.db.one_moment())
        rights.require(services, "train", name)
        require_house(services)
        forced = new_id() if force else ""
        facts = gather(services, date, [name], running=True, asked=True)
        if problem := facts.models[name].undefined:
            define(services, services.model(name))  # fails as it failed before
            raise UsageError(problem.first)
        if decide_training(facts, name, forced) is None:
            raise UsageError(
                f"{name} is already trained as of {date}, and its definition is the same",
                fix=f"kronkers versions {name} shows it; --force trains all the same",
            )

        def root() -> BaseTask:
            plan = decide_training(gather(services, date, [name], running=True, asked=True), name, forced)
            if plan is None:
                raise UsageError(f"another run trained {name} as of {date} meanwhile")
            _begin(services, plan)
            return task_of(plan.entries[plan.roots[0]], _common(services, conf, overrides), plan)

        context.provide(conf, tuple(overrides), services)
        return execute(services, root, date, [name], "command", {}, before)


def _begin(services: Services, plan: Plan) -> None:
    services.run.plan, services.run.planned_here = plan, True


def _common(services: Services, conf: Path, overrides: Sequence[str]) -> dict[str, Any]:
    run_id, claim = services.run_id, services.db.claim_of_run
    # A run makes one plan, which has its id.
    return {
        "conf": str(conf),
        "overrides": tuple(overrides),
        "run_id": run_id,
        "plan_id": run_id,
        "token": claim.token if claim else 0,
    }


def execute(
    services: Services,
    root_of: Callable[[], BaseTask],
    date: dt.date,
    names: Sequence[str],
    trigger: str,
    barred: Mapping[str, Stopped],
    before: contextlib.ExitStack,
    *,
    delete_expired: bool = False,
) -> RunResult:
    """Give a graph to Luigi under a new run, and gather what became of each model.

    ``root_of`` plans the run, and gives the root of its graph. ``barred`` are the models that belong to it,
    and that are not run; ``before`` is closed when the work begins: up to then what is asked between two
    writes is of one moment. ``delete_expired`` is as for :func:`run`.
    """
    started = time.monotonic()
    checkpoint.compare(services)
    permit_all(services, names)
    departments = {name: services.model(name).department for name in names}
    departments |= {name: stopped.department for name, stopped in barred.items()}
    with runs.begun(services, date, trigger, departments) as run_id:
        services.run.id = run_id
        moment = clocks.as_of(services)
        try:
            if warning := moment.warning():
                _tell(services, departments, Event("clock", runlog.VERIFY, "warned", 0.0, warning, ""))
            _work(services, root_of(), before)
            with services.db.one_moment():
                result = _ended(services, date, started, departments, barred, delete_expired=delete_expired)
            return replace(result, warnings=(warning, *result.warnings)) if warning else result
        except BaseException as error:
            _stopped(services, departments, error, time.monotonic() - started)
            raise


def _work(services: Services, root: BaseTask, before: contextlib.ExitStack) -> None:
    keep_pages()
    workers = services.config.executor.workers
    if workers == 1:  # tasks in processes of their own start their own
        prepare_workers(services, root.plan)
    services.snapshots.sweep()  # what a killed ingest left behind
    services.registry.sweep()  # and a killed training
    with contextlib.suppress(StoreError):  # a folder of pages that cannot be written is told with the page
        leftovers.sweep(services)
    _say_replaced(services, root.plan)
    before.close()
    _build(root, workers)


def _say_replaced(services: Services, plan: Plan) -> None:
    """Says which scores readers will no longer see, of a date that is scored again, before that is done."""
    for key in plan.roots:
        entry = plan.entries[key]
        if isinstance(entry, entries.Score) and entry.state is State.DUE and entry.replaces:
            services.told(f"{entry.model}, {plan.date}: {entry.why}")


def _ended(
    services: Services,
    date: dt.date,
    started: float,
    departments: Mapping[str, str],
    barred: Mapping[str, Stopped],
    *,
    delete_expired: bool,
) -> RunResult:
    """What is done when no task is left, and the verdict on each model."""
    run_id, plan, warnings = services.run_id, services.run.plan, list[str]()
    if plan is None:
        raise TypeError("a run has a plan")
    is_there = partial(_is_there, services, plan)
    services.workers.empty()  # no entry of theirs comes after the run is verified
    for name, stopped in barred.items():
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
        _tell(services, departments, event)
    told = tuple(verdicts.values())
    seconds = time.monotonic() - started
    warnings += expired.warnings
    warnings += unfinished.settle(services)
    result = RunResult(
        run_id, date, told, events, seconds, found, tuple(warnings), notes=tuple(expired.deleted)
    )
    each = [(departments[one.model], one) for one in told]
    runs.finish(services, run_id, result.exit_code, each, seconds=seconds)
    return result


def _is_there(services: Services, plan: Plan, entry: AnyEntry) -> bool:
    """Whether an entry's result is there, by this process or another one."""
    return caught_up(services, plan, [entry.key]).entries[entry.key].state is State.DONE


def _stopped(
    services: Services, departments: Mapping[str, str], error: BaseException, seconds: float
) -> None:
    """A run that somebody stopped, or that an error ended: what was done by then stands, and is said."""
    with contextlib.suppress(KronkersError):  # the first error is told; this run shows as interrupted anyway
        events = verdict.work(runlog.events(services, services.run_id))
        verdicts = [(d, verdict.interrupted(name, events)) for name, d in departments.items()]
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        runs.finish(services, services.run_id, code, verdicts, runs.INTERRUPTED, seconds=seconds)


def _tell(services: Services, departments: Mapping[str, str], event: Event) -> None:
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
        _tell(services, departments, event)


def _problem(work: Callable[..., object], *arguments: object) -> KronkersError | None:
    """What went wrong in something that a run does at its end; its models' work stands all the same."""
    try:
        work(*arguments)
    except KronkersError as error:
        return error
    return None


def _build(root: BaseTask, workers: int) -> None:
    importlib.import_module("tasks.quiet")  # here, since Luigi's own command line has a log to show
    options = luigi.configuration.get_config()
    options.set("worker", "check_complete_on_run", "true")
    if workers > 1:
        _processes_without_fork()
    luigi.build(
        [root],
        local_scheduler=True,
        workers=workers,
        log_level="CRITICAL",
        no_lock=True,
        detailed_summary=True,
    )


def _processes_without_fork() -> None:
    """Luigi forks for several workers, and Polars hangs in a child forked after its first use."""
    import multiprocessing

    multiprocessing.set_start_method("forkserver", force=True)
    multiprocessing.set_forkserver_preload(["tasks.quiet", "tasks.nightly", "polars"])
