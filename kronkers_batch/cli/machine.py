"""``doctor``: what is missing on this machine, and the command that mends it."""

from __future__ import annotations

import argparse
from typing import Any

from kronkers_batch.cli.options import command
from kronkers_batch.cli.printing import print_json, table


def add(commands: Any) -> None:
    """Add this group's commands."""
    command(commands, "doctor", doctor, "Show what is missing on this machine, and how to fix it")


def doctor(args: argparse.Namespace) -> int:
    """Look at every part that a run needs. Exit code 5 where a needed one is missing."""
    from kronkers_batch.diagnostics.doctor import examine

    findings = examine(args.conf, args.overrides)
    if args.json:
        print_json([vars(f) for f in findings])
    else:
        table(
            [("ok" if f.ok else "MEND", f.part, f.found, f.fix) for f in findings],
            ("", "part", "found", "to do"),
            wide=True,
        )
    return 0 if all(f.ok or not f.needed for f in findings) else 5
