"""``data``, ``predict`` and ``export``: rows, scores and models for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.cli.options import Commands, command, date_option, logical_date, one_name, opened
from kronkers_batch.cli.printing import Out, Progress, print_json, warn
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.queries.predictions import Predictions
    from kronkers_batch.session.services import Services

_SHOWN = 20


def add(commands: Commands) -> None:
    """Add this group's commands."""
    parser = command(
        commands, "data", data, "Write the rows that fit gets, as it gets them, to a file", names="MODEL"
    )
    date_option(parser)
    _to_option(parser, "write .csv, .parquet, .xlsx, .json or .jsonl")
    parser = command(
        commands,
        "predict",
        predict,
        "Score the rows of a file with the champion or a version, as a night does, and publish nothing",
        names="MODEL[@N]",
    )
    parser.add_argument(
        "--input", metavar="FILE", required=True, help="rows: .csv, .csv.gz, .csv.zip, .parquet"
    )
    parser.add_argument("--limit", type=int, metavar="N", help=f"rows to print (default {_SHOWN})")
    _to_option(parser, "write .csv, .parquet, .xlsx, .json or .jsonl instead of printing")
    parser = command(
        commands, "export", export, "Write a stored model to a file, for its own language", names="MODEL@N"
    )
    _to_option(parser, "the file; its name may end in anything")


def _to_option(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--to", metavar="FILE", help=help)
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")


def data(args: argparse.Namespace) -> int:
    """Write the frame of fit."""
    from kronkers_batch.queries.training_rows import training_rows

    to = _required(args)
    progress = Progress()
    with opened(args, progress=progress, first_run=True) as services:
        name = one_name(args, "model")
        _check(services, to)
        try:
            frame = training_rows(services, name, logical_date(services.config, args.date), str(to))
        finally:
            progress.done()
        _tell(args, _write(services, iter([frame]), to, force=args.force), to)
    return 0


def predict(args: argparse.Namespace) -> int:
    """Score a file; print the scores or write them."""
    from kronkers_batch.queries.predictions import predict as scored

    if args.limit is not None and (args.limit < 1 or args.to):
        raise UsageError(
            "--limit and --to exclude each other: a file gets all rows"
            if args.to
            else f"--limit is {args.limit}, and must be at least 1",
            fix="kronkers predict MODEL --input FILE --limit 20",
        )
    to = Path(args.to).absolute() if args.to else None
    progress = Progress()
    with opened(args, progress=progress) as services:
        ref = one_name(args, "model")
        if to:
            _check(services, to)
        try:
            found = scored(services, ref, Path(args.input), str(to) if to else "")
            written = _write(services, found.frames, to, force=args.force) if to else None
            if to is None:
                _show(args, found)
        finally:
            progress.done()
        for remark in found.remarks:
            warn(f"kronkers: {remark}")
        if to and written is not None:
            _tell(args, written, to, by=found.version.ref)
    return 0


def _show(args: argparse.Namespace, found: Predictions) -> None:
    from kronkers_batch.warehouse import export as rows

    if args.json:
        rows.print_json_rows(found.frames, Out(json=True), limit=args.limit)
    else:
        rows.print_table(found.frames, Out(), limit=args.limit or _SHOWN)
        warn(f"scored by {found.version.ref}; nothing was published")


def export(args: argparse.Namespace) -> int:
    """Write a stored model."""
    from kronkers_batch.queries import exports
    from kronkers_batch.queries.stored_models import stored_model
    from kronkers_batch.warehouse.export import whole_file

    to = _required(args)
    with opened(args) as services:
        ref = one_name(args, "ref")
        _check(services, to)
        stored = stored_model(services, ref, str(to))
        judge = exports.judge(services.places, to)
        with whole_file(to, force=args.force, judge=judge) as file:
            file.write(stored.artifact)
    if args.json:
        print_json(
            {
                "version": stored.version.ref,
                "file": str(to),
                "bytes": len(stored.artifact),
                "open": stored.how,
            }
        )
    else:
        warn(f"{stored.version.ref} written to {to}, in clear ({len(stored.artifact):,} bytes)")
        warn(f"open it with: {stored.how}")
    return 0


def _required(args: argparse.Namespace) -> Path:
    if not args.to:
        raise UsageError(
            "the file to write is missing", fix=f"kronkers {args.command} {' '.join(args.names)} --to FILE"
        )
    return Path(args.to).absolute()


def _check(services: Services, to: Path) -> None:
    from kronkers_batch.queries import exports

    exports.check(services.places, to)


def _write(services: Services, frames: Iterator[pl.DataFrame], to: Path, *, force: bool) -> int:
    from kronkers_batch.queries import exports
    from kronkers_batch.warehouse import export as rows

    return rows.write(frames, to, force=force, judge=exports.judge(services.places, to))


def _tell(args: argparse.Namespace, rows: int, to: Path, by: str = "") -> None:
    if args.json:
        print_json({"rows": rows, "file": str(to), **({"version": by} if by else {})})
    else:
        warn(f"{rows:,} rows{f' scored by {by}' if by else ''} written to {to}, in clear")
