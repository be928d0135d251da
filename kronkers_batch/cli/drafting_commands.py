"""``new``: a first model, from a CSV file or from a declared source."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.cli.options import (
    Commands,
    command,
    conf_folder,
    date_option,
    logical_date,
    one_name,
    opened,
)
from kronkers_batch.cli.printing import Progress, print_json, say, table
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    from kronkers_batch.drafting.draft import Draft


def add(commands: Commands) -> None:
    """Add this group's commands."""
    parser = command(
        commands,
        "new",
        new,
        "Write a first model that runs at once: its YAML, its code, and for a CSV file its source",
        names="MODEL",
    )
    parser.add_argument("--language", metavar="LANGUAGE", required=True, help="python, r or julia")
    parser.add_argument("--csv", metavar="FILE", help="a CSV file of your own; its types are inferred")
    parser.add_argument("--source", metavar="NAME", help="a declared source, in place of --csv")
    parser.add_argument("--target", metavar="COLUMN", required=True, help="the column to predict")
    parser.add_argument("--department", metavar="NAME", help="whose model it is (default: the source's)")
    parser.add_argument(
        "--task", metavar="TASK", help="binary, multiclass, regression or count (default: inferred)"
    )
    parser.add_argument(
        "--features", metavar="A,B,C", help="the columns to learn from (default: all that can be)"
    )
    parser.add_argument("--key", metavar="A,B", help="the columns that identify a row (default: inferred)")
    parser.add_argument(
        "--time", metavar="COLUMN", help="with --csv: the date or time of a row (default: inferred)"
    )
    date_option(parser, "with --source: the day on which the newest rows are scored")


def new(args: argparse.Namespace) -> int:
    """Infer and write; then say what was inferred, and what to type next."""
    from kronkers_batch.access import authorisation
    from kronkers_batch.drafting.asked import Asked
    from kronkers_batch.drafting.new_model import new_model

    name = one_name(args, "model")
    _check(args)
    progress = Progress()
    with opened(args, progress=progress, first_run=True) as services:
        usual = logical_date(services.config, None)
        asked = Asked(
            name=name,
            language=args.language,
            target=args.target,
            date=logical_date(services.config, args.date),
            csv=Path(args.csv) if args.csv else None,
            source=args.source or "",
            department=args.department or "",
            task=args.task or "",
            features=None if args.features is None else _listed(args.features),
            key=_listed(args.key or ""),
            time=args.time or "",
        )
        try:
            draft = new_model(services, asked)
        finally:
            progress.done()
        following = _following(name, draft, usual, signed=authorisation.required(services))
    return _tell(args, draft, following)


def _check(args: argparse.Namespace) -> None:
    if bool(args.csv) == bool(args.source):
        raise UsageError(
            "the rows are missing" if not args.csv else "--csv and --source exclude each other",
            fix="Add one of: --csv FILE, --source NAME",
        )
    if args.source and args.time:
        raise UsageError("--time is for --csv", fix="A source says its own time_column.")
    if args.csv and args.date:
        raise UsageError("--date is for --source", fix="With --csv the newest day of the file is scored.")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _following(name: str, draft: Draft, usual: dt.date, *, signed: bool) -> list[str]:
    date = draft.period.date
    when = f" --date {date}" if date and date != usual else ""
    return [
        "kronkers check",
        f"kronkers try {name}{when}",
        *([f"kronkers sign {name}"] if signed else []),
        f"kronkers run {name}{when}",
    ]


def _tell(args: argparse.Namespace, draft: Draft, following: list[str]) -> int:
    project = conf_folder(args).parent
    files = [str(path.relative_to(project)) for path in draft.files]
    if args.json:
        inferred = [vars(one) for one in draft.inferred]
        print_json({"files": files, "task": draft.task, "inferred": inferred, "next": following})
        return 0
    for file in files:
        say(f"written: {file}")
    say()
    table([(one.of, one.value, one.why) for one in draft.inferred], ("inferred", "", "why"), wide=True)
    say("\nNext:")
    for line in following:
        say(f"  {line}")
    return 0
