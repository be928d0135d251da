"""Model versions and outputs: lists, one in full, two side by side, and the champion."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kronkers_batch.cli.options import command, one_name, opened
from kronkers_batch.cli.printing import fields, print_json, say, table, warn
from kronkers_batch.errors import UsageError
from kronkers_batch.session.timestamps import parse_timestamp

if TYPE_CHECKING:
    from kronkers_batch.session.services import Services

_DATES = 30  # of which outputs are shown, where nobody says


def add(commands: Any) -> None:
    """Add this group's commands."""
    command(commands, "models", models, "List the models, their champions and their newest outputs")
    command(commands, "versions", list_versions, "List a model's versions", names="MODEL")
    parser = command(commands, "outputs", outputs, "List a model's output versions", names="MODEL")
    parser.add_argument(
        "--limit", metavar="N", type=int, help="only the newest N dates (30; with --json all); 0 means all"
    )
    command(commands, "show", show, "Show one version (NAME@3 or NAME/2013-06-01#2)", names="REF")
    command(commands, "diff", diff, "Show two model versions side by side", names="REF ...")
    parser = command(commands, "live", live, "Show which version is or was in use", names="MODEL")
    parser.add_argument("--at", metavar="TIME", help="the version in use at this time (default: now)")
    parser = command(commands, "promote", promote, "Make a version the champion", names="REF")
    parser.add_argument("--why", required=True, help="the reason, kept in the ledger")
    parser.add_argument("--force", action="store_true", help="promote even if its metrics missed a threshold")
    parser = command(commands, "rollback", rollback, "Go back to the previous champion", names="MODEL")
    parser.add_argument("--to", metavar="REF", help="to this version instead of the previous champion")
    parser.add_argument("--why", required=True, help="the reason, kept in the ledger")


def models(args: argparse.Namespace) -> int:
    """One line a model."""
    from kronkers_batch.queries import listing

    with opened(args) as services:
        rows = listing.models(services)
    return _list(args, rows)


def list_versions(args: argparse.Namespace) -> int:
    """One line a version, newest last."""
    from kronkers_batch.queries import listing

    with opened(args) as services:
        rows = listing.versions(services, one_name(args, "model"))
    if args.json:
        print_json(rows)
        return 0
    table(
        [
            (
                r["version"] + (" *" if r["champion"] else ""),
                r["as_of"],
                r["created"],
                ", ".join(f"{k} {v:.4g}" for k, v in r["metrics"].items()),
                f"{r['why']}; {r['verdict']}",
            )
            for r in rows
        ],
        ("version", "as of", "created", "metrics on the holdout", "why, and verdict (* champion)"),
    )
    return 0


def outputs(args: argparse.Namespace) -> int:
    """One line an output version, of the newest dates."""
    from kronkers_batch.queries import listing

    limit = args.limit if args.limit is not None else 0 if args.json else _DATES
    if limit < 0:
        raise UsageError(
            f"--limit is {limit}, and must be at least 0", fix="To show all: kronkers outputs MODEL --limit 0"
        )
    with opened(args) as services:
        name = one_name(args, "model")
        rows, more = listing.outputs(services, name, limit)
    if more and not args.json:
        say(f"{more:,} earlier dates are not shown: kronkers outputs {name} --limit 0")
    return _list(args, rows)


def _list(args: argparse.Namespace, rows: list[dict[str, Any]]) -> int:
    if args.json:
        print_json(rows)
    elif rows:
        table([list(r.values()) for r in rows], list(rows[0]))
    else:
        say("none yet")
    return 0


def show(args: argparse.Namespace) -> int:
    """Everything about one version, except its artifact and rows."""
    from kronkers_batch.queries import listing

    ref = one_name(args, "ref")
    with opened(args) as services:
        details = listing.show(services, ref)
    if args.json:
        print_json(details)
        return 0
    description = details.pop("description", "")
    fields(details)
    if description:
        say("description:")
        say("\n".join(f"  | {line}" for line in description.split("\n")))
    return 0


def diff(args: argparse.Namespace) -> int:
    """The differences between two model versions."""
    if len(args.names) != 2:
        raise UsageError("kronkers diff compares two versions", fix="Name both: kronkers diff NAME@1 NAME@2")
    from kronkers_batch.queries import listing
    from kronkers_batch.registry import compare

    with opened(args) as services:
        one, other = (listing.version_of(services, "diff", ref) for ref in args.names)
        rows = compare.diff(one, other)
    if args.json:
        print_json([{"what": what, one.ref: a, other.ref: b} for what, a, b in rows])
    elif rows:
        table(rows, ("what", one.ref, other.ref), wide=True)
    else:
        say("no difference")
    return 0


def live(args: argparse.Namespace) -> int:
    """The champion, now or at a time."""
    with opened(args) as services:
        name = _allowed(services, args)
        champion = services.registry.champion(name, at=parse_timestamp(args.at) if args.at else None)
    if args.json:
        print_json({"model": name, "champion": champion.ref if champion else None})
    else:
        say(champion.ref if champion else f"{name} had no champion" if args.at else f"{name} has no champion")
    return 0


def promote(args: argparse.Namespace) -> int:
    """Promote by hand."""
    from kronkers_batch.access import choosing
    from kronkers_batch.queries import listing

    with opened(args) as services:
        version = listing.version_of(services, "promote", one_name(args, "ref"))
        choosing.promote(services, version, args.why, force=args.force)
        _tell(services)
    return _champion(args, version.ref)


def rollback(args: argparse.Namespace) -> int:
    """Go back to the champion before, or to a named version."""
    from kronkers_batch.access import choosing
    from kronkers_batch.queries import listing

    with opened(args) as services:
        name = _allowed(services, args)
        to = listing.version_of(services, "rollback", args.to).number if args.to else None
        choosing.rollback(services, name, args.why, to=to)
        _tell(services)
        champion = services.registry.champion(name)
    return _champion(args, champion.ref if champion else "")


def _tell(services: Services) -> None:
    """Tells the subscribers; what goes wrong there changes nothing of what was decided."""
    from kronkers_batch import subscribers

    warnings, _pages = subscribers.tell(services)
    for warning in warnings:
        warn(f"kronkers: {warning}")


def _champion(args: argparse.Namespace, ref: str) -> int:
    if args.json:
        print_json({"champion": ref})
    else:
        say(f"{ref} is the champion; the next run scores with it")
    return 0


def _allowed(services: Services, args: argparse.Namespace) -> str:
    """The model that the command names, if the caller may use the command on it."""
    from kronkers_batch.access import rights

    name = one_name(args, "model")
    rights.require(services, str(args.command), name)
    return name
