"""``access``, ``keys`` and ``ledger``: who may, and what was done."""

from __future__ import annotations

import argparse
from typing import Any

from kronkers_batch.cli.options import command, opened
from kronkers_batch.cli.output import fields, moment, print_json, table
from kronkers_batch.errors import UsageError

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
    with opened(args) as services, services.db.read() as connection:
        if verb == "whoami":
            who = services.vault.whoami(connection)
            if args.json:
                print_json(who)
            else:
                fields(who)
            return 0
        grants = services.vault.list_grants(connection)
    if args.json:
        print_json(grants)
    else:
        table([list(g.values()) for g in grants], ("principal", "role", "on"))
    return 0


def ledger(args: argparse.Namespace) -> int:
    """Print the ledger's entries, or verify its chain."""
    verb = args.names[0] if args.names else "show"
    if verb not in ("show", "verify") or len(args.names) > 1:
        raise UsageError(f"ledger does not know {verb!r}", fix="it knows: show, verify")
    with opened(args) as services, services.db.read() as connection:
        if verb == "verify":
            count = services.ledger.verify(connection)
            print_json({"entries": count, "ok": True}) if args.json else print(f"{count} entries, chain intact")
            return 0
        entries = list(services.ledger.entries(connection))
    rows = [(moment(e.at), e.principal, e.action, e.subject) for e in entries]
    if args.json:
        print_json([dict(zip(("at", "principal", "action", "subject"), r, strict=True)) for r in rows])
    else:
        table(rows, ("at", "principal", "action", "subject"))
    return 0
