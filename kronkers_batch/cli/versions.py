"""Model versions and outputs: lists, one in full, two side by side, and the champion."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kronkers_batch.cli.options import command, one_name, opened, parse_moment
from kronkers_batch.cli.output import fields, moment, print_json, table
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    from kronkers_batch.registry.training import ModelVersion
    from kronkers_batch.steps.services import Services


def add(commands: Any) -> None:
    """Add this group's commands."""
    command(commands, "models", models, "List the models, their champions and their newest outputs")
    command(commands, "versions", list_versions, "List a model's versions", names="MODEL")
    command(commands, "outputs", outputs, "List a model's output versions", names="MODEL")
    command(commands, "show", show, "Show one version (NAME@3 or NAME/2013-06-01#2)", names="REF")
    command(commands, "diff", diff, "Show two model versions side by side", names="REF")
    parser = command(commands, "live", live, "Say which version is or was in use", names="MODEL")
    parser.add_argument("--at", metavar="MOMENT", help="then, not now")
    parser = command(commands, "promote", promote, "Make a version the champion", names="REF")
    parser.add_argument("--why", required=True, help="the reason, kept in the ledger")
    parser.add_argument("--force", action="store_true", help="although its metrics missed a threshold")
    parser = command(commands, "rollback", rollback, "Go back to the champion before", names="MODEL")
    parser.add_argument("--to", metavar="REF", help="to this version instead of the one before")
    parser.add_argument("--why", required=True, help="the reason, kept in the ledger")


def models(args: argparse.Namespace) -> int:
    """One line a model."""
    from kronkers_batch.steps import rights

    rows: list[dict[str, Any]] = []
    with opened(args) as services:
        for name in rights.seen(services, "models"):
            spec = services.model(name)
            champion = services.registry.champion(name)
            heads = services.warehouse.heads(name)
            rows.append(
                {
                    "model": name,
                    "department": spec.department,
                    "language": str(spec.language),
                    "champion": champion.ref if champion else None,
                    "output": str(heads[-1].date) if heads else None,
                    "enabled": spec.enabled,
                }
            )
    return _list(args, rows)


def list_versions(args: argparse.Namespace) -> int:
    """One line a version, newest last."""
    with opened(args) as services:
        name = _allowed(services, args)
        champion = services.registry.champion(name)
        rows: list[dict[str, Any]] = [
            {
                "version": v.ref,
                "champion": champion is not None and v.number == champion.number,
                "as_of": str(v.training.logical_date),
                "created": moment(v.created),
                "verdict": "; ".join(v.training.verdict) or "passed",
                "metrics": dict(v.training.metrics),
                "why": v.training.why,
            }
            for v in services.registry.versions(name)
        ]
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
    """One line an output version."""
    with opened(args) as services:
        name = _allowed(services, args)
        heads = {head.id for head in services.warehouse.heads(name)}
        rows = [
            {
                "output": o.ref,
                "state": o.state,
                "head": o.id in heads,
                "rows": o.rows,
                "created": moment(o.created),
                "by": o.lineage.get("model_version"),
                "missed": "; ".join(o.missed),
            }
            for o in services.warehouse.outputs(name)
        ]
    return _list(args, rows)


def _list(args: argparse.Namespace, rows: list[dict[str, Any]]) -> int:
    if args.json:
        print_json(rows)
    elif rows:
        table([list(r.values()) for r in rows], list(rows[0]))
    else:
        print("none yet")
    return 0


def show(args: argparse.Namespace) -> int:
    """Everything about one version, except its artifact and rows."""
    ref = one_name(args, "ref")
    with opened(args) as services:
        if "/" in ref:
            from kronkers_batch.steps import rights
            from kronkers_batch.warehouse.versions import parse_ref

            rights.require(services, "show", parse_ref(ref)[0])
            output = services.warehouse.get(ref)
            details: dict[str, Any] = {**vars(output), "created": moment(output.created)}
        else:
            details = describe(version_of(services, "show", ref))
    if args.json:
        print_json(details)
    else:
        fields(details)
    return 0


def describe(version: ModelVersion) -> dict[str, Any]:
    """A model version as plain values; golden rows and levels stay sealed."""
    training = version.training
    return {
        "version": version.ref,
        "department": training.department,
        "created": moment(version.created),
        "principal": version.principal,
        "as of": str(training.logical_date),
        "why": training.why,
        "verdict": "; ".join(training.verdict) or "every threshold holds",
        "metrics": dict(training.metrics),
        "naive prediction": training.naive,
        "rows": dict(training.rows),
        "features": {c.name: str(c.type) for c in training.features},
        "target": training.target,
        "parameters": dict(training.parameters),
        "overrides": list(training.overrides),
        "runtime": dict(training.runtime),
        "snapshot": training.snapshot_id,
        "fingerprints": dict(training.fingerprints),
        "run": training.run_id,
    }


def diff(args: argparse.Namespace) -> int:
    """The differences between two model versions."""
    if len(args.names) != 2:
        raise UsageError("name two versions", fix="kronkers diff NAME@1 NAME@2")
    with opened(args) as services:
        one, other = (version_of(services, "diff", ref) for ref in args.names)
        rows = services.registry.diff(one, other)
    if args.json:
        print_json([{"what": what, one.ref: a, other.ref: b} for what, a, b in rows])
    elif rows:
        table(rows, ("what", one.ref, other.ref), wide=True)
    else:
        print("no difference")
    return 0


def live(args: argparse.Namespace) -> int:
    """The champion, now or at a moment."""
    with opened(args) as services:
        name = _allowed(services, args)
        champion = services.registry.champion(name, at=parse_moment(args.at) if args.at else None)
    if args.json:
        print_json({"model": name, "champion": champion.ref if champion else None})
    else:
        print(
            champion.ref if champion else f"{name} had no champion" if args.at else f"{name} has no champion"
        )
    return 0


def promote(args: argparse.Namespace) -> int:
    """Promote by hand."""
    with opened(args) as services:
        version = version_of(services, "promote", one_name(args, "ref"))
        services.registry.promote(version.model, version.number, why=args.why, force=args.force)
    return _champion(args, version.ref)


def rollback(args: argparse.Namespace) -> int:
    """Go back to the champion before, or to a named version."""
    with opened(args) as services:
        name = _allowed(services, args)
        to = version_of(services, "rollback", args.to).number if args.to else None
        services.registry.rollback(name, why=args.why, to=to)
        champion = services.registry.champion(name)
    return _champion(args, champion.ref if champion else "")


def _champion(args: argparse.Namespace, ref: str) -> int:
    if args.json:
        print_json({"champion": ref})
    else:
        print(f"{ref} is the champion; the next run scores with it")
    return 0


def version_of(services: Services, command: str, ref: str) -> ModelVersion:
    """The version that ``NAME@3`` names, for a command. Raises UsageError, NotFound, AccessRefused."""
    from kronkers_batch.registry.registry import parse_ref
    from kronkers_batch.steps import rights

    name, number = parse_ref(ref)
    rights.require(services, command, services.model(name).name)
    return services.registry.get(name, number)


def _allowed(services: Services, args: argparse.Namespace) -> str:
    """The model that the command names, if the caller may use the command on it."""
    from kronkers_batch.steps import rights

    name = one_name(args, "model")
    rights.require(services, str(args.command), name)
    return name
