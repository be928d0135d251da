"""``run``, ``train``, ``report`` and ``log``: the graph, at night and ad hoc, and what came of it."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kronkers_batch import stopping
from kronkers_batch.cli.options import command, conf_folder, date_option, logical_date, one_name, opened
from kronkers_batch.cli.printing import Progress, print_json, say, table, warn
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    from kronkers_batch.reports.verdict import Verdict
    from kronkers_batch.session.services import Services
    from tasks.ending import RunResult


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(commands, "run", run, "Run the nightly graph for a logical date", names="[MODEL ...]")
    date_option(parser)
    parser.add_argument(
        "--delete-expired",
        action="store_true",
        help="delete all outputs past their retention and all unused snapshots; without this option a run "
        "keeps them if the oldest expired more than 31 days ago, if they are more than half of all, or "
        "(outputs) if the logical date is in the future",
    )
    parser = command(
        commands, "train", train, "Train a model now, and promote it if it passes", names="MODEL"
    )
    date_option(parser)
    parser.add_argument("--force", action="store_true", help="train even if nothing changed")
    parser = command(commands, "report", report, "Print and write the page of a date, or of one run")
    date_option(parser)
    parser.add_argument("--run", metavar="ID", help="one run instead of all runs of a date")
    parser.add_argument("--to", metavar="FILE", help="write the page (HTML) to a file")
    parser = command(commands, "runs", runs, "List the runs, newest first, and their results")
    date_option(parser, "only runs of this logical date")
    parser.add_argument("--limit", metavar="N", type=int, default=20, help="at most N runs (20)")
    parser = command(
        commands,
        "log",
        log,
        "Show what happened in a run, with the values that errors found in the data and what models printed",
        names="[MODEL]",
    )
    date_option(parser)
    parser.add_argument("--run", metavar="ID", help="this run instead of the last one of the date")


def run(args: argparse.Namespace) -> int:
    """Run the graph, print a table, write the pages."""
    from tasks.run import run as run_graph

    def graph(services: Services) -> RunResult:
        date = logical_date(services.config, args.date)
        return run_graph(
            services,
            conf_folder(args),
            args.overrides,
            date,
            args.names,
            delete_expired=args.delete_expired,
        )

    return _running(args, graph)


def train(args: argparse.Namespace) -> int:
    """Train one model through the graph, with what it needs."""
    from tasks.run import train_now

    def graph(services: Services) -> RunResult:
        name = one_name(args, "model")
        date = logical_date(services.config, args.date)
        return train_now(services, conf_folder(args), args.overrides, name, date, force=args.force)

    return _running(args, graph)


def _running(args: argparse.Namespace, graph: Callable[[Services], RunResult]) -> int:
    """Run, print a table, tell the subscribers; also of a run that is stopped or fails."""
    from kronkers_batch import subscribers

    progress = Progress()
    with interrupts(args), opened(args, progress=progress, first_run=True) as services:
        try:
            result = graph(services)
        except BaseException:
            if services.run_id:
                subscribers.tell(services)  # the first error is reported; what failed here the next run does
            raise
        finally:
            progress.done()
        return tell(args, services, result)


@contextlib.contextmanager
def interrupts(args: argparse.Namespace) -> Iterator[None]:
    """Within the block Ctrl-C stops the run where nothing is half done; a second time, wherever it is.

    Only in a process that is there for this command, and where the signal is not ignored already, as it is in
    what a script starts in the background.
    """
    usual = signal.default_int_handler
    if not args.own_process or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return
    with stopping.heard() as stop:

        def first(_number: int, _frame: object) -> None:
            signal.signal(signal.SIGINT, usual)
            stop()

        signal.signal(signal.SIGINT, first)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)


def tell(args: argparse.Namespace, services: Services, result: RunResult) -> int:
    """What became of each model, before anything that went wrong afterwards; the highest exit code."""
    from kronkers_batch import subscribers

    failed, pages = subscribers.tell(services)
    warnings = [*result.warnings, *failed]
    page = str(pages.get(str(result.date), ""))
    if args.json:
        print_json(
            {
                "run": result.run_id,
                "date": str(result.date),
                "seconds": result.seconds,
                "exit_code": result.exit_code,
                "models": [_as_json(v) for v in result.verdicts],
                "report": page or None,
                "problems": [str(problem) for problem in result.problems],
                "warnings": warnings,
                "remarks": list(result.remarks),
            }
        )
    else:
        say(f"{result.date}, run {result.run_id}, {result.seconds:.1f} s")
        _models(result.verdicts)
        for done in result.remarks:
            say(done)
        if page:
            say(f"report: {page}")
    for said in (*warnings, *result.problems):
        warn(f"kronkers: {said}")
    return result.exit_code


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "model": verdict.model,
        "state": verdict.state,
        "message": verdict.message,
        "seconds": verdict.seconds,
        "scores": vars(verdict.scores),
        "training": vars(verdict.training),
    }


def _models(verdicts: Sequence[Verdict]) -> None:
    """A row a model, those that need somebody last; then what is wrong with those, in full."""
    good, bad = [v for v in verdicts if v.ok], [v for v in verdicts if not v.ok]
    rows = [(v.model, v.state, f"{v.seconds:.1f}", v.message.split("\n", 1)[0]) for v in (*good, *bad)]
    table(rows, ("model", "state", "seconds", "what"))
    for verdict in bad:
        say(f"\n{verdict.model} {verdict.state}: {verdict.message}")


def report(args: argparse.Namespace) -> int:
    """Write the page of a date or of a run again, and print what it says."""
    from kronkers_batch.access import rights
    from kronkers_batch.audit import runlog, runs
    from kronkers_batch.queries.report import write_page, write_run_page
    from kronkers_batch.reports import page, verdict

    with opened(args) as services:
        rights.seen(services, "report")
        if args.run:
            found = [runs.get(services, args.run)]
            path = write_run_page(services, args.run, args.to)
        else:
            date = logical_date(services.config, args.date)
            found = runs.of_date(services, date)
            path = write_page(services, date, args.to)
        each = [(run, runs.verdicts(services, run)) for run in found]
        events = [(run, e) for run in found for e in verdict.work(runlog.events(services, run.id))]
    models = [one for _, one in verdict.merged((run.id, verdicts) for run, verdicts in each)]
    if args.json:
        print_json(
            {
                "date": found[-1].date,
                "runs": [vars(run) for run in found],
                "models": [_as_json(one) for one in models],
                "events": [{"run": run.id, **vars(e)} for run, e in events],
            }
        )
        return 0
    of = page.summary(*each[0]) if args.run else page.summary_of_date(models, each)
    say(f"{found[-1].date}: {of}")
    _models(models)
    say()
    rows = [(e.task, e.model, e.state, f"{e.seconds:.1f}", e.message, e.reason) for _, e in events]
    table(rows, ("task", "of", "state", "seconds", "what", "why"), wide=True)
    say(f"report: {path}")
    return 0


def runs(args: argparse.Namespace) -> int:
    """Print the runs, newest first."""
    from kronkers_batch.access import rights
    from kronkers_batch.audit import runs as kept
    from kronkers_batch.reports import page

    if args.limit < 1:
        raise UsageError(f"--limit is {args.limit}, and must be at least 1", fix="kronkers runs --limit 20")
    with opened(args) as services:
        rights.seen(services, "runs")
        if args.date:
            found = kept.of_date(services, logical_date(services.config, args.date))[::-1][: args.limit]
        else:
            found = kept.newest(services, args.limit)
        each = [(run, kept.verdicts(services, run)) for run in found]
    if args.json:
        print_json([{**vars(run), "models": [_as_json(v) for v in verdicts]} for run, verdicts in each])
        return 0
    rows = [
        (run.id, run.date, page.timestamp(run.started), run.state, run.trigger, page.summary(run, verdicts))
        for run, verdicts in each
    ]
    table(rows, ("run", "date", "started", "state", "by", "what came of it"), wide=True)
    return 0


def log(args: argparse.Namespace) -> int:
    """Print a run's events, and behind each what its error found and its model printed, to readers."""
    from kronkers_batch.queries import found

    if args.run and args.date:
        raise UsageError("--run and --date exclude each other", fix="kronkers log MODEL --run ID")

    with opened(args) as services:
        name = one_name(args, "model") if args.names else ""
        run, kept = found.log(services, logical_date(services.config, args.date), name, args.run or "")
    if args.json:
        events = [{**vars(k.event), "found": k.found, "found_for": k.event.found or None} for k in kept]
        print_json({"date": run.date, "run": run.id, "events": events})
        return 0
    say(f"{run.date}, run {run.id}")
    for k in kept:
        say(f"\n{k.event.task} {k.event.model} {k.event.state}, {k.event.seconds:.1f} s: {k.event.message}")
        if k.found is not None:
            say("  found:")
            say("\n".join(f"  | {line}" for line in k.found.split("\n")))
    return 0
