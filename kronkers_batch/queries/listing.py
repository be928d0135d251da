"""Models, their versions and their outputs as plain values: what the lists and ``show`` tell.

Times are datetimes in UTC.
"""

from __future__ import annotations

from typing import Any

from kronkers_batch.access import rights
from kronkers_batch.errors import UsageError
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.registry.training import parse_ref as parse_version
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock
from kronkers_batch.vault.context import Scope
from kronkers_batch.warehouse.versions import parse_ref as parse_output


def models(services: Services) -> list[dict[str, Any]]:
    """One row a model that the caller may see. Raises AccessRefused where there is none."""
    rows: list[dict[str, Any]] = []
    for name in rights.seen(services, "models"):
        spec = services.model(name)
        champion = services.registry.champion(name)
        newest = services.warehouse.newest_head(name)
        rows.append(
            {
                "model": name,
                "department": spec.department,
                "language": str(spec.language),
                "champion": champion.ref if champion else None,
                "output": str(newest.date) if newest else None,
                "enabled": spec.enabled,
            }
        )
    return rows


def versions(services: Services, model: str) -> list[dict[str, Any]]:
    """One row a version, newest last. Raises AccessRefused."""
    rights.require(services, "versions", model)
    champion = services.registry.champion(model)
    return [
        {
            "version": v.ref,
            "champion": champion is not None and v.number == champion.number,
            "as_of": str(v.training.logical_date),
            "created": clock.to_datetime(v.created),
            "verdict": "; ".join(v.training.verdict) or "passed",
            "metrics": dict(v.training.metrics),
            "why": v.training.why,
            "commit": dict(v.training.commit) or None,
        }
        for v in services.registry.versions(model)
    ]


def outputs(services: Services, model: str, limit: int = 0) -> tuple[list[dict[str, Any]], int]:
    """One row an output version, by date and number, and how many earlier dates are left out.

    ``limit`` is of how many dates, the newest; 0 is of all. Raises AccessRefused.
    """
    rights.require(services, "outputs", model)
    dates = services.warehouse.dates(model) if limit else []
    first = dates[-limit] if len(dates) > limit else None
    rows = [
        {
            "output": o.ref,
            "state": str(o.state),
            "head": o.head,
            "rows": o.rows,
            "created": clock.to_datetime(o.created),
            "by": o.lineage.get("model_version"),
            "missed": "; ".join(o.missed),
        }
        for o in services.warehouse.outputs(model, first)
    ]
    return rows, len(dates) - limit if first else 0


def show(services: Services, ref: str) -> dict[str, Any]:
    """Everything about ``NAME@3`` or ``NAME/2013-06-01#2``, except its artifact and rows.

    Of a model version, readers also get its description.

    Raises UsageError, NotFound, AccessRefused.
    """
    if "/" not in ref and "@" not in ref:
        raise UsageError(
            f"{ref!r} is neither a model version nor an output",
            fix="Write NAME@3 for a model version, or NAME/2013-06-01#2 for an output.",
        )
    if "/" not in ref:
        version = version_of(services, "show", ref)
        return {**_described(services, version), **_description(services, version)}
    rights.require(services, "show", parse_output(ref)[0])
    output = services.warehouse.get(ref)
    shown = {**vars(output), "created": clock.to_datetime(output.created)}
    if frozen := output.lineage.get("snapshot"):
        shown["rows that were scored"] = services.snapshots.expiry.in_words(frozen)
    return shown


def version_of(services: Services, command: str, ref: str) -> ModelVersion:
    """The version that ``NAME@3`` names, for a command. Raises UsageError, NotFound, AccessRefused."""
    name, number = parse_version(ref)
    rights.require(services, command, services.model(name).name)
    return services.registry.get(name, number)


def _description(services: Services, version: ModelVersion) -> dict[str, str]:
    """What the fitted model says of itself, for readers. What cannot be recorded is not shown."""
    text = version.training.golden.description
    if not text:
        return {}
    with services.db.write() as connection:
        scope = Scope(version.training.department, version.model)
        details = {"for": "its description"}
        add_entry(services.ledger, connection, services.vault, "open", version.ref, scope, details)
    return {"description": text}


def _described(services: Services, version: ModelVersion) -> dict[str, Any]:
    """A model version as plain values; golden rows and levels stay sealed."""
    training = version.training
    return {
        "version": version.ref,
        "department": training.department,
        "created": clock.to_datetime(version.created),
        "principal": version.principal,
        "as of": str(training.logical_date),
        "why": training.why,
        "verdict": "; ".join(training.verdict) or "every threshold holds",
        "metrics": dict(training.metrics),
        "naive prediction": training.naive,
        "rows": dict(training.rows),
        "features": {c.name: str(c.type) for c in training.features},
        "task": training.declaration.get("task"),
        "target": training.target,
        "goal": training.declaration.get("goal") or None,
        "parameters": dict(training.parameters),
        "overrides": list(training.overrides),
        "runtime": dict(training.runtime),
        "snapshot": training.snapshot_id,
        "rows of the snapshot": services.snapshots.expiry.in_words(training.snapshot_id),
        "fingerprints": dict(training.fingerprints),
        "commit": dict(training.commit) or None,
        "run": training.run_id,
    }
