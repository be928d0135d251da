"""Running the graph with Luigi, and what became of each model."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import luigi

from kronkers_batch import stopping
from kronkers_batch.access import rights
from kronkers_batch.access.authorisation import authorise_all, require_root
from kronkers_batch.access.stopped import Stopped, gone, named
from kronkers_batch.audit import checkpoint, clocks, leftovers, runlog, runs
from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.events.types import Event
from kronkers_batch.facts.gather import gather
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.pipeline.warm import prepare_workers
from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.decide import decide, decide_training
from kronkers_batch.planning.plan import Plan, State
from kronkers_batch.session.allocation import keep_pages
from kronkers_batch.session.services import Services
from kronkers_batch.store.ids import new_id
from tasks import run_services
from tasks.base_task import BaseTask, Common, task_of
from tasks.ending import RunResult, end, stopped, tell
from tasks.nightly import Nightly


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
        before.enter_context(services.db.one_read())
        for name in models:
            services.model(name)
        require_root(services)
        asked = named(services, models)
        forbidden = {
            name: Stopped(services.model(name).department, error)
            for name in asked
            if (error := rights.refusal(services, name))
        }
        names = [name for name in asked if name not in forbidden]
        if forbidden and not names:
            raise next(iter(forbidden.values())).error
        forbidden |= {} if models else gone(services)

        def root() -> BaseTask:
            _begin(services, decide(gather(services, date, names, running=True)))
            common = _common(services, conf, overrides)
            return Nightly(date=date, models=tuple(names), **common)

        run_services.provide(conf, tuple(overrides), services)
        return execute(services, root, date, names, trigger, forbidden, before, delete_expired=delete_expired)


def train_now(
    services: Services, conf: Path, overrides: Sequence[str], name: str, date: dt.date, *, force: bool
) -> RunResult:
    """Train one model as of a date because somebody asks. Raises UsageError where nothing changed."""
    with contextlib.ExitStack() as before:
        before.enter_context(services.db.one_read())
        rights.require(services, "train", name)
        require_root(services)
        forced = new_id() if force else ""
        facts = gather(services, date, [name], running=True, asked=True)
        if problem := facts.models[name].undefined:
            define(services, services.model(name))  # fails as it failed before
            raise UsageError(problem.first)
        if decide_training(facts, name, forced) is None:
            raise UsageError(
                f"{name} is already trained as of {date}, and its definition is the same",
                fix=f"kronkers versions {name} shows it; to train anyway: kronkers train {name} --force",
            )

        def root() -> BaseTask:
            plan = decide_training(gather(services, date, [name], running=True, asked=True), name, forced)
            if plan is None:
                raise UsageError(f"another run trained {name} as of {date} meanwhile")
            _begin(services, plan)
            return task_of(plan.entries[plan.roots[0]], _common(services, conf, overrides), plan)

        run_services.provide(conf, tuple(overrides), services)
        return execute(services, root, date, [name], "command", {}, before)


def _begin(services: Services, plan: Plan) -> None:
    services.run.plan, services.run.planned_here = plan, True


def _common(services: Services, conf: Path, overrides: Sequence[str]) -> Common:
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
    forbidden: Mapping[str, Stopped],
    before: contextlib.ExitStack,
    *,
    delete_expired: bool = False,
) -> RunResult:
    """Give a graph to Luigi under a new run, and gather what became of each model.

    ``root_of`` plans the run, and gives the root of its graph. ``forbidden`` are the models that belong to
    it, and that are not run; ``before`` is closed when the work begins: up to then what is asked between two
    writes is of one time. ``delete_expired`` is as for :func:`run`.
    """
    started = time.monotonic()
    checkpoint.compare(services)
    authorise_all(services, names)
    departments = {name: services.model(name).department for name in names}
    departments |= {name: stopped.department for name, stopped in forbidden.items()}
    with runs.begun(services, date, trigger, departments) as run_id:
        services.run.id = run_id
        timestamp = clocks.as_of(services)
        try:
            if warning := timestamp.warning():
                tell(services, departments, Event("clock", runlog.VERIFY, "warned", 0.0, warning, ""))
            _work(services, root_of(), before)
            with services.db.one_read():
                result = end(services, date, started, departments, forbidden, delete_expired=delete_expired)
            return replace(result, warnings=(warning, *result.warnings)) if warning else result
        except BaseException as error:
            stopped(services, departments, error, time.monotonic() - started)
            raise


def _work(services: Services, root: BaseTask, before: contextlib.ExitStack) -> None:
    keep_pages()
    workers = services.config.executor.workers
    if workers == 1:  # tasks in processes of their own start their own
        prepare_workers(services, root.plan)
    services.snapshots.sweep()  # what a killed ingest left behind
    services.registry.sweep()  # and a killed training
    with contextlib.suppress(StoreError):  # a folder of pages that cannot be written fails with the page
        leftovers.sweep(services)
    _say_replaced(services, root.plan)
    before.close()
    _build(root, workers)


def _say_replaced(services: Services, plan: Plan) -> None:
    """Says which scores readers will no longer see, of a date that is scored again, before that is done."""
    for key in plan.roots:
        entry = plan.entries[key]
        if isinstance(entry, entries.Score) and entry.state is State.DUE and entry.replaces:
            services.announce(f"{entry.model}, {plan.date}: {entry.why}")


def _build(root: BaseTask, workers: int) -> None:
    importlib.import_module("tasks.quiet")  # here, since Luigi's own command line has a log to show
    options = luigi.configuration.get_config()
    options.set("worker", "check_complete_on_run", "true")
    if workers > 1:
        _processes_without_fork()
    with stopping.at_once() if workers > 1 else contextlib.nullcontext():
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
    from multiprocessing import forkserver

    multiprocessing.set_start_method("forkserver", force=True)
    multiprocessing.set_forkserver_preload(["tasks.quiet", "tasks.nightly", "polars"])
    # Ctrl-C goes to all processes of a terminal. These are ended by this one, not in the middle of a step.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
