"""``access``, ``keys`` and ``ledger``: who may, and what was done."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kronkers_batch.cli.options import command, opened
from kronkers_batch.cli.output import fields, moment, print_json, table
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    from kronkers_batch.ledger.ledger import Entry

_VERBS = ("whoami", "list")


def add(commands: Any) -> None:
    """Add this group's commands."""
    command(commands, "access", access, "Say who you are (whoami), or who may do what (list)", names="VERB")
    command(commands, "ledger", ledger, "Show or verify the record of what was done", names="show|verify")


def access(args: argparse.Namespace) -> int:
    """``whoami`` and ``list``."""
    verb = args.names[0] if args.names else "whoami"
    if verb not in _VERBS or len(args.names) > 1:
        raise UsageError(f"access does not know {verb!r}", fix="it knows: " + ", ".join(_VERBS))
    from kronkers_batch.steps import people

    with opened(args) as services:
        found = people.whoami(services) if verb == "whoami" else people.grants(services)
    if args.json:
        print_json(found)
    elif isinstance(found, dict):
        fields(found)
    else:
        table([list(row.values()) for row in found], ("principal", "role", "on"))
    return 0


def ledger(args: argparse.Namespace) -> int:
    """Print the ledger's entries, or verify its chain."""
    verb = args.names[0] if args.names else "show"
    if verb not in ("show", "verify") or len(args.names) > 1:
        raise UsageError(f"ledger does not know {verb!r}", fix="it knows: show, verify")
    with opened(args) as services:
        if verb == "verify":
            count = services.ledger.verify().seq
            print_json({"entries": count, "ok": True}) if args.json else print(
                f"{count} entries, chain intact"
            )
            return 0
        with services.db.read() as connection:
            entries = list(services.ledger.entries(connection))
    rows = [(moment(e.at), e.principal, e.action, e.subject, _details(e)) for e in entries]
    headers = ("at", "principal", "action", "subject", "details")
    if args.json:
        print_json([dict(zip(headers, row, strict=True)) for row in rows])
    else:
        table(rows, headers)
    return 0


def _details(entry: Entry) -> str:
    if entry.details is None:
        return "(sealed)"
    return ", ".join(f"{name} {value}" for name, value in entry.details.items() if value not in ("", None))
