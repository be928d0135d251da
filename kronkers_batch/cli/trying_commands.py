"""``try``: what a change of a model is worth, in seconds; nothing is recorded of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kronkers_batch.cli.options import Commands, command, date_option, logical_date, one_name, opened
from kronkers_batch.cli.printing import Out, Progress, print_json, say, table, warn
from kronkers_batch.errors import ModelError, UsageError

if TYPE_CHECKING:
    from kronkers_batch.pipeline.trial import Tried

_SHOWN = 5
_ROWS = 2_000


def add(commands: Commands) -> None:
    """Add this group's commands."""
    parser = command(
        commands,
        "try",
        try_model,
        "Fit and score a model on a sample of its training rows, and record no version and no output",
        names="MODEL",
    )
    date_option(parser)
    parser.add_argument(
        "--rows", metavar="N", type=int, default=_ROWS, help=f"fit on about N rows (default {_ROWS:,})"
    )


def try_model(args: argparse.Namespace) -> int:
    """Try, and print what came of it."""
    from kronkers_batch.access import authorisation, rights
    from kronkers_batch.pipeline.trial import trial

    if args.rows < 1:
        raise UsageError(
            f"--rows is {args.rows}, and must be at least 1", fix="kronkers try MODEL --rows 2000"
        )
    progress = Progress()
    with opened(args, progress=progress, first_run=True) as services:
        name = one_name(args, "model")
        rights.require(services, "try", name)
        authorisation.authorise(services, name)
        date = logical_date(services.config, args.date)
        try:
            tried = trial(services, services.model(name), date, args.rows)
        except ModelError as error:
            progress.done()
            _say_all(error, services.run.printed.text(name))
            raise type(error)(error.what, where=error.where, fix=error.fix) from None
        finally:
            progress.done()
    _tell(args, name, str(date), tried)
    return 0


def _say_all(error: ModelError, printed: str) -> None:
    """What the code printed, and the whole text of what it raised: who tries a model may read its data."""
    for title, text in (("The model printed:", printed), ("The whole error:", error.found)):
        if text:
            warn(title)
            warn("\n".join(f"  | {line}" for line in text.split("\n")))


def _tell(args: argparse.Namespace, name: str, date: str, tried: Tried) -> None:
    if args.json:
        print_json(
            {
                "model": name,
                "date": date,
                "rows": tried.rows,
                "columns": [dict(zip(("name", "type", "nulls"), c, strict=True)) for c in tried.columns],
                "seconds": {"fit": tried.fit_seconds, "score": tried.score_seconds},
                "metrics": tried.metrics,
                "naive": tried.naive,
                "predictions": tried.predictions.head(_SHOWN).to_dicts(),
                "remarks": tried.remarks,
                "printed": tried.printed,
                "description": tried.described,
            }
        )
        return
    from kronkers_batch.warehouse.export import print_table

    rows = tried.rows
    how = f"fitted on {rows['fit']:,} rows" if tried.fits else "opened"
    say(f"{name} as of {date}: {how} in {tried.fit_seconds:.2f} s, ", end="")
    say(f"scored {rows['holdout']:,} in {tried.score_seconds:.2f} s (of {rows['of']:,} rows in the window)")
    say(f"\nWhat {'fit gets as data' if tried.fits else 'the columns are in its language'}:")
    table(tried.columns, ("column", "type", "nulls"))
    say("\nMetrics on the rows that were held out:")
    table([(metric, value) for metric, value in tried.metrics.items()], ("metric", "value"))
    say("\nSome of these rows:")
    print_table([tried.predictions.head(_SHOWN)], Out(), limit=_SHOWN)
    for remark in tried.remarks:
        say(remark)
    for title, text in (("The model printed:", tried.printed), ("The fitted model:", tried.described)):
        if text:
            say(f"\n{title}")
            say("\n".join(f"  | {line}" for line in text.split("\n")))
    more = "train on all rows" if tried.fits else "record one"
    say(f"\nNo version was recorded. To {more}: kronkers train {name}")
