"""``import``: a model that was fitted elsewhere becomes a version."""

from __future__ import annotations

import argparse
from pathlib import Path

from kronkers_batch.cli.options import command, conf_folder, date_option, logical_date, opened
from kronkers_batch.cli.printing import Progress, say
from kronkers_batch.cli.running import interrupts, tell
from kronkers_batch.errors import UsageError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = command(
        commands,
        "import",
        import_model,
        "Try a model that was fitted elsewhere, put its file in place, and make it a version",
        names="MODEL FILE",
    )
    date_option(parser)
    parser.add_argument(
        "--golden", metavar="FILE", help="rows with the scores that the model gave them where it was fitted"
    )


def import_model(args: argparse.Namespace) -> int:
    """Try the file, copy it to where the model declares it, and train: which measures and records it."""
    from kronkers_batch import subscribers
    from kronkers_batch.pipeline import placing
    from tasks.run import train_now

    if len(args.names) != 2:
        raise UsageError(
            "name the model and the file", fix="kronkers import MODEL FILE --golden GOLDEN_ROWS.csv"
        )
    name, file = args.names
    golden = Path(args.golden).absolute() if args.golden else None
    progress = Progress()
    with interrupts(args), opened(args, progress=progress, first_run=True) as services:
        try:
            written = placing.place(services, name, Path(file).absolute(), golden)
            for path in written if not args.json else ():
                say(f"wrote {path}")
            date = logical_date(services.config, args.date)
            result = train_now(services, conf_folder(args), args.overrides, name, date, force=False)
        except BaseException:
            if services.run_id:
                subscribers.tell(services)
            raise
        finally:
            progress.done()
        return tell(args, services, result)
