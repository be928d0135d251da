"""``ledger``: what was done, by whom and why; and whether the record is whole."""

from __future__ import annotations

import argparse
from typing import Any

from kronkers_batch import texts
from kronkers_batch.cli.options import command, opened, verb_of
from kronkers_batch.cli.printing import print_json, say, timestamp
from kronkers_batch.errors import UsageError
from kronkers_batch.session.timestamps import parse_timestamp

VERBS = ("show", "verify")


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(
        commands,
        "ledger",
        ledger,
        "Show what was done, by whom and why; or verify that the record is complete and unchanged",
        names="|".join(VERBS),
        verbs=VERBS,
    )
    parser.add_argument("--since", metavar="TIME", help="show: from this date or time on")
    parser.add_argument(
        "--subject",
        metavar="TEXT",
        help="show: only entries that name this model, version, principal or department",
    )


def ledger(args: argparse.Namespace) -> int:
    """Dispatch on the verb."""
    verb, words = verb_of(args, VERBS, default="show")
    if words:
        raise UsageError(f"unexpected word {words[0]!r}", fix=f"Leave it out: kronkers ledger {verb}")
    return _verify(args) if verb == "verify" else _show(args)


def _show(args: argparse.Namespace) -> int:
    from kronkers_batch.access import audit_log

    since = parse_timestamp(args.since, option="--since", end_of_day=False) if args.since else None
    with opened(args) as services:
        entries = list(audit_log.entries(services, since=since, subject=args.subject))
    if args.json:
        print_json(
            [
                {
                    "number": e.seq,
                    "at": timestamp(e.at),
                    "principal": e.principal,
                    "action": e.action,
                    "subject": e.subject,
                    "on": e.department,
                    "details": e.details,
                    "sentence": audit_log.sentence(e),
                }
                for e in entries
            ]
        )
        return 0
    for entry in entries:
        say(f"{timestamp(entry.at)}  {texts.one_line(audit_log.sentence(entry))}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from kronkers_batch.audit import checkpoint

    with opened(args) as services:
        found = checkpoint.verify(services)
    where = services.config.warehouse.checkpoints
    if args.json:
        print_json({**vars(found), "ok": True})
        return 0
    say(f"{found.entries} entries, chain and signatures intact; {found.checkpoints} checkpoints agree")
    if not found.checkpoints:
        missing = f"{where} has no checkpoints" if where else "warehouse.checkpoints is empty"
        say(f"{missing}: nobody would notice that an older database replaced this one")
    say(f"{found.versions} versions of models and outputs are as recorded")
    indexes = "the indexes, " if services.db.backend.compares_indexes else ""
    say(f"the schema, {indexes}the public keys, grants, revocations and signed definitions are as recorded")
    return 0
