"""``check`` and ``plan``: what is wrong, and what would run."""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import Any

from kronkers_batch.cli.options import command, conf_folder, date_option, load_config, logical_date, opened
from kronkers_batch.cli.printing import print_json, say, table, warn
from kronkers_batch.cli.signing_commands import described, for_plan, show


def add(commands: Any) -> None:
    """Add this group's commands."""
    command(
        commands, "check", check, "Find every mistake in the YAML of the configuration, before anything runs"
    )
    parser = command(commands, "plan", plan, "Show what a run would do, and why", names="[MODEL ...]")
    date_option(parser)
    parser.add_argument(
        "--new-warehouse",
        action="store_true",
        help="begin a new warehouse even if one existed here: new keys, and none of the old data",
    )


def check(args: argparse.Namespace) -> int:
    """Load and check everything, and let a worker look up what only it can know."""
    from kronkers_batch.access.unsigned import check_probe
    from kronkers_batch.data.remarks import remarks
    from kronkers_batch.diagnostics.advice import warnings
    from kronkers_batch.diagnostics.model_probes import probe_models
    from kronkers_batch.store.cache import ContentCache

    config = load_config(args)
    check_probe(config)
    probe_models(config, ContentCache(config.home / "cache"))
    counts = {
        "models": len(config.models),
        "sources": len(config.sources),
        "departments": len(config.departments),
    }
    lines = [*remarks(config.sources), *warnings(config)]
    if args.json:
        print_json({"ok": True, **counts, "warnings": lines})
    else:
        for line in lines:
            warn(f"warning: {line}")
        there = ", ".join(f"{n} {what if n != 1 else what.removesuffix('s')}" for what, n in counts.items())
        say(f"{conf_folder(args)}: no errors in {there}")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Print what a run would do."""
    from kronkers_batch.access import rights
    from kronkers_batch.access.stopped import gone, switched_off
    from kronkers_batch.facts.planned import planned as decided
    from tasks.plan_summary import shown as entries

    with opened(args, first_run=True, new_warehouse=args.new_warehouse) as services:
        date = logical_date(services.config, args.date)
        seen = rights.visible(services, "plan", args.names)
        models = services.config.models
        names = [n for n in seen if args.names or models[n].enabled or switched_off(services, n)]
        missing = {} if args.names else gone(services)
        states = for_plan(services, names)
        if states and not args.json:
            show(states)
        for stopped in missing.values():
            warn(f"kronkers: {stopped.error}")
        planned = entries(decided(services, date, names, running=False)) if names else []
    if args.json:
        tasks = [vars(p) for p in planned]
        print_json({"date": str(date), "tasks": tasks, "definitions": [described(s) for s in states]})
        return 0
    if not planned:
        say(f"{date}: nothing to do")
        return 0
    rows = []
    for (task, subject, reason), same in groupby(planned, key=lambda p: (p.task, p.subject, p.reason)):
        details = [p.detail for p in same]
        shown = details if len(details) < 3 else [details[0], "...", f"{details[-1]} ({len(details)} in all)"]
        detail = ", ".join(shown)
        rows.append((task, subject, detail, reason))
    say(f"{date}:")
    table(rows, ("task", "of", "date or window", "reason"), wide=True)
    return 0
