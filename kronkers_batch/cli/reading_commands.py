"""``read`` and ``sql``: decrypted outputs, for those who hold the key."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kronkers_batch.cli.options import command, date_option, one_name, opened
from kronkers_batch.cli.printing import Out, warn
from kronkers_batch.errors import UsageError
from kronkers_batch.session.timestamps import parse_date, parse_timestamp

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.session.services import Services
    from kronkers_batch.warehouse.output_rows import Recorded

SHOWN = 20


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(commands, "read", read, "Print or export a model's scores", names="MODEL")
    date_option(parser, "one logical date (default: every published one)")
    parser.add_argument(
        "--version", type=int, metavar="N", help="this version of the date instead of the published one"
    )
    parser.add_argument("--at", metavar="TIME", help="the scores that readers got at this time")
    parser.add_argument(
        "--key",
        nargs="+",
        metavar="VALUE",
        help="only the row with this key: one value for each key column, in their order",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"rows to print (default {SHOWN}; all with --json)"
    )
    _to_option(parser)
    parser = command(commands, "sql", sql, "Query decrypted outputs; each model is a table", names="QUERY")
    _to_option(parser)


def _to_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", metavar="FILE", help="write .csv, .parquet, .xlsx, .json or .jsonl instead of printing"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")


def read(args: argparse.Namespace) -> int:
    """Read by date, version, time or key."""
    if args.limit is not None and (args.limit < 1 or args.to):
        what = (
            "--limit and --to exclude each other: a file gets all rows"
            if args.to
            else f"--limit is {args.limit}, and must be at least 1"
        )
        raise UsageError(what, fix=f"kronkers read MODEL --limit {SHOWN}, or kronkers read MODEL --to FILE")
    name = one_name(args, "model")
    date = parse_date(args.date) if args.date else None
    at = parse_timestamp(args.at) if args.at else None
    keys = [args.key] if args.key else None
    from kronkers_batch.queries import reading

    with opened(args) as services:
        recorded = _recorded(args, services, "read")
        frames = reading.read(
            services, name, date=date, version=args.version, at=at, keys=keys, recorded=recorded
        )
        return _show(args, services, frames)


def sql(args: argparse.Namespace) -> int:
    """Run one SELECT over the outputs that the caller can decrypt."""
    # A query may hold "=", and was then taken for an override by the common rules of the command line.
    words = [*args.names, *args.overrides]
    queries = [word for word in words if any(c.isspace() for c in word)]
    if len(queries) != 1 or len(args.names) > 1 or set(args.names) - set(queries):
        raise UsageError("give one query, in quotes", fix='kronkers sql "select count(*) from NAME"')
    args.overrides = tuple(word for word in words if word not in queries)
    from kronkers_batch.queries import reading

    with opened(args) as services:
        frame = reading.sql(services, queries[0], recorded=_recorded(args, services, "sql"))
        return _show(args, services, iter([frame]))


def _recorded(args: argparse.Namespace, services: Services, action: str) -> Recorded:
    """What the ledger says: rows that go to a file are an export, and it says to which."""
    from kronkers_batch.queries import exports

    if args.to:
        exports.check(services.places, Path(args.to))
    return ("export", {"to": str(Path(args.to).absolute())}) if args.to else (action, {})


def _show(args: argparse.Namespace, services: Services, frames: Iterator[pl.DataFrame]) -> int:
    from kronkers_batch.queries import exports
    from kronkers_batch.warehouse import export

    limit = getattr(args, "limit", None)
    if args.to:
        path = Path(args.to)
        rows = export.write(frames, path, force=args.force, judge=exports.judge(services.places, path))
        warn(f"{rows:,} rows written to {args.to}, in clear")
    elif args.json:
        export.print_json_rows(frames, Out(json=True), limit=limit)
    else:
        export.print_table(frames, Out(), limit=limit or SHOWN)
    return 0
