"""Running the graph with Luigi, and what became of each model."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import luigi

from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError, UsageError
from kronkers_batch.reports.page import Event
from kronkers_batch.steps import checkpoint, clocks, rights, runlog
from kronkers_batch.steps.decide import training_asked
from kronkers_batch.steps.memory import keep_pages
from kronkers_batch.steps.permits import permit_all, require_house
from kronkers_batch.steps.retention import expire_outputs
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.warm import prepare_workers
from kronkers_batch.store.clock import now
from kronkers_batch.store.ids import new_id
from tasks import context
from tasks.base import BaseTask
from tasks.nightly import Nightly
from tasks.score import Score
from tasks.train import Train


@dataclass(frozen=True)
class Outcome:
    """What became of one model in a run.

    ``state`` is ``done``, ``up to date``, ``held``, ``failed``, ``refused`` (its definition is not signed, or
    the caller may not) or ``waiting`` (something that it needs failed).
    """

    model: str
    state: str
    message: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.state in ("done", "up to date")


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, logical date, one outcome a model, and every event.

    ``problems`` are what went wrong at its end, when the work of every model was done and kept; ``warnings``
    what somebody should know though nothing went wrong.
    """

    run_id: str
    date: dt.date
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]
    seconds: float
    problems: tuple[KronkersError, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0; 1 where some model was not done; 3 where nothing could be done because it was refused.

        A problem at the end has a code of its own, and the higher one counts.
        """
        worst = max((problem.exit_code for problem in self.problems), default=0)
        if all(outcome.ok for outcome in self.outcomes):
            return worst
        states = {outcome.state for outcome in self.outcomes}
        return max(worst, 3 if "refused" in states and states <= {"refused", "waiting"} else 1)


def nightly_task(
    services: Services, conf: Path, overrides: Sequence[str], date: dt.date, models: Sequence[str]
) -> Nightly:
    """The root of the graph, over a system that is already open."""
    for name in models:
        services.model(name)
    require_house(services)
    context.provide(conf, tuple(overrides), services)
    return Nightly(
        date=date,
        models=tuple(models),
        conf=str(conf),
        overrides=tuple(overrides),
        as_of=clocks.as_of(services).at,
        tonight=date.isoformat(),
    )


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
    root = nightly_task(services, conf, overrides, date, models)
    barred = {name: error for name in root.names() if (error := rights.refusal(services, name))}
    names = [name for name in root.names() if name not in barred]
    if barred and not names:
        raise next(iter(barred.values()))
    root = root.clone(models=tuple(names))  # type: ignore[no-untyped-call]
    return execute(services, root, names, trigger, barred, delete_expired=delete_expired)


def train_now(
    services: Services, conf: Path, overrides: Sequence[str], name: str, date: dt.date, *, force: bool
) -> RunResult:
    """Train one model as of a date because somebody asks. Raises UsageError where nothing changed."""
    rights.require(services, "train", name)
    due = training_asked(services, services.model(name), date, new_id() if force else "")
    if due is None:
        raise UsageError(
            f"{name} is already trained as of {date}, and its definition is the same",
            fix=f"kronkers versions {name} shows it; --force trains all the same",
        )
    nightly = nightly_task(services, conf, overrides, date, [name])
    root = Train(model=name, date=date, fingerprint=due.fingerprint, why=due.reason, **nightly.common)
    return execute(services, root, [name], "command")


def execute(
    services: Services,
    root: Nightly | Train,
    names: Sequence[str],
    trigger: str,
    barred: Mapping[str, AccessRefused] = MappingProxyType({}),
    *,
    delete_expired: bool = False,
) -> RunResult:
    """Give a graph to Luigi under a new run, and gather what became of each model.

    ``barred`` are the models that were asked for and that the caller may not run; ``delete_expired`` as for
    :func:`run`.
    """
    date: dt.date = root.date
    started = now()
    checkpoint.compare(services)
    permit_all(services, names)
    run_id = runlog.begin(services, date, trigger)
    services.run_id = run_id
    moment = clocks.as_of(services)
    root = root.clone(run_id=run_id, as_of=moment.at)  # type: ignore[no-untyped-call]
    if warning := moment.warning():
        _tell_departments(services, names, Event("clock", runlog.VERIFY, "warned", 0.0, warning, ""))
    services.snapshots.sweep()  # what a killed ingest left behind
    services.registry.sweep()  # and a killed training
    keep_pages()
    try:
        workers = services.config.executor.workers
        if workers == 1:  # tasks in processes of their own start their own
            prepare_workers(services, names, date, training=isinstance(root, Train))
        _build(root, workers)
    except BaseException:
        runlog.finish(services, run_id, 1)
        raise
    for name, error in barred.items():
        department = services.model(name).department
        runlog.record(services, run_id, department, Event(name, "score", "refused", 0.0, str(error), ""))
    events = tuple(runlog.events(services, run_id))
    refusals = {event.model: event.message for event in events if event.state == "refused"}
    for name, message in refusals.items():
        why = message.split("\n", 1)[0].removeprefix(f"{services.vault.principal}: ")
        rights.refused(services, f"run {name}", why)
    outcomes = {name: _outcome(root, name, events) for name in [*names, *barred]}
    good = [name for name, outcome in outcomes.items() if outcome.ok]
    problems = [_ended(expire_outputs, services, date, good, delete_expired)]
    events = tuple(runlog.events(services, run_id))
    for name in {event.model for event in events if event.task == "expire"}:
        outcomes[name] = _outcome(root, name, events)
    problems.append(_verified(services, names))
    found = tuple(problem for problem in problems if problem is not None)
    warnings = (warning,) if warning else ()
    result = RunResult(
        run_id, date, tuple(outcomes.values()), events, (now() - started) / 1e6, found, warnings
    )
    runlog.finish(services, run_id, result.exit_code)
    return result


def _verified(services: Services, names: Iterable[str]) -> KronkersError | None:
    """Verifies what is new and writes the next checkpoint; a difference is shown on the run's page too."""
    started = now()
    problem = _ended(checkpoint.write, services)
    if isinstance(problem, IntegrityError):
        seconds = (now() - started) / 1e6
        event = Event(
            "ledger", runlog.VERIFY, "failed", seconds, str(problem), "verified at the end of a run"
        )
        with contextlib.suppress(KronkersError):  # where nothing can be written, the exit code says it
            _tell_departments(services, names, event)
    return problem


def _tell_departments(services: Services, names: Iterable[str], event: Event) -> None:
    """Records an event that is about no model for each department of these."""
    for department in dict.fromkeys(services.model(name).department for name in names):
        runlog.record(services, services.run_id, department, event)


def _ended(work: Callable[..., object], *arguments: object) -> KronkersError | None:
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


def _outcome(root: Nightly | Train, name: str, events: Sequence[Event]) -> Outcome:
    own = [e for e in events if e.model == name and e.task in ("score", "train", "decide", "expire")]
    seconds = sum(e.seconds for e in own)
    for state in ("refused", "failed", "held"):
        bad = [e for e in own if e.state == state]
        if bad:
            # Retention comes after a good run: what that did is told as well.
            done = _done(own) if all(e.task == "expire" for e in bad) else ""
            return Outcome(
                name, state, "; ".join([*filter(None, [done]), *(e.message for e in bad)]), seconds
            )
    mine = [root] if isinstance(root, Train) else list(root.requires())
    try:
        settled = [t for t in mine if t.subject[0] == name and not t.complete()]
    except KronkersError as error:
        return Outcome(name, "failed", str(error), seconds)
    if settled:
        return Outcome(name, "waiting", _cause(settled, events), seconds)
    held = _held(mine, name)
    if held:
        return Outcome(name, "held", held, seconds)
    if not own:
        return Outcome(name, "up to date", "", 0.0)
    return Outcome(name, "done", _done(own), seconds)


def _done(own: Sequence[Event]) -> str:
    """The newest scoring, the trainings, and what expired; scorings of earlier dates as a count."""
    # A message begins with the output's name, and so with its date.
    scored = sorted(e.message for e in own if e.task == "score")
    said = [*scored[-1:], *(e.message for e in own if e.task in ("train", "expire") and e.state == "done")]
    earlier = [f"{len(scored) - 1} earlier dates scored for models that read them"] if len(scored) > 1 else []
    return "; ".join([*said, *earlier])


def _held(tasks: Iterable[BaseTask], name: str) -> str:
    """An output that an earlier run held back is still not there for readers; say so every time."""
    for task in tasks:
        if isinstance(task, Score) and task.model == name:
            state = task.state()
            if state is not None and not state.verdict.passed and state.output is not None:
                return f"{state.output.ref} held: {state.verdict.why()}"
    return ""


def _cause(unfinished: Iterable[BaseTask], events: Sequence[Event]) -> str:
    """Why a model's tasks did not run: the failed tasks that they stand on."""
    failed = {(e.model, e.task): e.message for e in events if e.state in ("refused", "failed", "held")}
    waiting, seen, causes = list(unfinished), set(), []
    while waiting:
        task = waiting.pop()
        if task.task_id in seen:
            continue
        seen.add(task.task_id)
        message = failed.get((task.subject[0], task.kind))
        if message:
            causes.append(f"{task.kind} {task.subject[0]}: {message}")
            continue
        waiting += task.requires()
    return "; ".join(dict.fromkeys(causes)) or "something that it needs did not finish"
