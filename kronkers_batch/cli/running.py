"""``run``, ``train``, ``report`` and ``log``: the graph, at night and ad hoc, and what came of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kronkers_batch.cli.options import command, conf_folder, date_option, logical_date, one_name, opened
from kronkers_batch.cli.output import Progress, print_json, say, table, warn

if TYPE_CHECKING:
    from kronkers_batch.steps.services import Services
    from tasks.run import RunResult


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(commands, "run", run, "Run the nightly graph for a logical date", names="MODEL ...")
    date_option(parser)
    parser.add_argument(
        "--delete-expired",
        action="store_true",
        help="delete outputs past their retention also where they are long due, or most of all",
    )
    parser = command(
        commands, "train", train, "Train a model now, and promote it if it passes", names="MODEL"
    )
    date_option(parser)
    parser.add_argument("--force", action="store_true", help="train although nothing changed")
    parser = command(commands, "report", report, "Print or write the page of the last run of a date")
    date_option(parser)
    parser.add_argument("--to", metavar="FILE", help="write the page (HTML) to a file")
    parser = command(
        commands,
        "log",
        log,
        "Tell what happened in the last run of a date, with what its errors found in the data",
        names="[MODEL]",
    )
    date_option(parser)


def run(args: argparse.Namespace) -> int:
    """Run the graph, print a table, write the page."""
    from tasks.run import run as run_graph

    progress = Progress()
    with opened(args, progress=progress, first_run=True) as services:
        date = logical_date(services.config, args.date)
        result = run_graph(
            services,
            conf_folder(args),
            args.overrides,
            date,
            args.names,
            delete_expired=args.delete_expired,
        )
        progress.done()
        return _tell(args, services, result)


def train(args: argparse.Namespace) -> int:
    """Train one model through the graph, with what it needs."""
    from tasks.run import train_now

    progress = Progress()
    with opened(args, progress=progress, first_run=True) as services:
        name = one_name(args, "model")
        date = logical_date(services.config, args.date)
        result = train_now(services, conf_folder(args), args.overrides, name, date, force=args.force)
        progress.done()
        return _tell(args, services, result)


def _tell(args: argparse.Namespace, services: Services, result: RunResult) -> int:
    """What became of each model, before anything that went wrong afterwards; the highest exit code."""
    from kronkers_batch.errors import StoreError
    from kronkers_batch.steps.report import write_page

    problems = list(result.problems)
    try:
        page = str(write_page(services, result.run_id))
    except StoreError as error:
        page = ""
        problems.append(error)
    code = max([result.exit_code, *(problem.exit_code for problem in problems)])
    if args.json:
        print_json(
            {
                "run": result.run_id,
                "date": str(result.date),
                "seconds": result.seconds,
                "exit_code": code,
                "models": [vars(o) for o in result.outcomes],
                "report": page or None,
                "problems": [str(problem) for problem in problems],
                "warnings": list(result.warnings),
            }
        )
    else:
        _table(result)
        if page:
            say(f"report: {page}")
    for said in (*result.warnings, *problems):
        warn(f"kronkers: {said}")
    return code


def _table(result: RunResult) -> None:
    say(f"{result.date}, run {result.run_id}, {result.seconds:.1f} s")
    rows = [(o.model, o.state, f"{o.seconds:.1f}", o.message) for o in result.outcomes if o.ok]
    bad = [o for o in result.outcomes if not o.ok]
    rows += [(o.model, o.state, f"{o.seconds:.1f}", o.message.split("\n", 1)[0]) for o in bad]
    table(rows, ("model", "state", "seconds", "what"))
    for outcome in bad:
        say(f"\n{outcome.model} {outcome.state}: {outcome.message}")


def report(args: argparse.Namespace) -> int:
    """Write the page of the last run again, or print what it says."""
    from kronkers_batch.steps import rights, runlog
    from kronkers_batch.steps.report import write_page

    with opened(args) as services:
        rights.seen(services, "report")
        date = logical_date(services.config, args.date)
        run_id = runlog.last_run(services, date)
        page = write_page(services, run_id, args.to)
        events = list(runlog.events(services, run_id))
    if args.json:
        print_json({"date": str(date), "run": run_id, "events": [vars(e) for e in events]})
    else:
        rows = [(e.task, e.model, e.state, f"{e.seconds:.1f}", e.message, e.reason) for e in events]
        table(rows, ("task", "of", "state", "seconds", "what", "why"), wide=True)
        say(f"report: {page}")
    return 0


def log(args: argparse.Namespace) -> int:
    """Print a run's events, and behind each what its error found, to who may read that data."""
    from kronkers_batch.steps import found

    with opened(args) as services:
        name = one_name(args, "model") if args.names else ""
        run, kept = found.log(services, logical_date(services.config, args.date), name)
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
