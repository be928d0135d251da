"""Two model versions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kronkers_batch.registry.training import ModelVersion

Difference = tuple[str, str, str]
"""What differs, then its value in the one and in the other; empty where one does not have it."""


def diff(one: ModelVersion, other: ModelVersion) -> list[Difference]:
    """Everything in which two versions differ: metrics, parameters, features, definition, runtime, data."""
    a, b = _facts(one), _facts(other)
    names = [*a, *(name for name in b if name not in a)]
    return [(name, a.get(name, ""), b.get(name, "")) for name in names if a.get(name) != b.get(name)]


def _facts(version: ModelVersion) -> dict[str, str]:
    t = version.training
    facts = {
        "logical date": str(t.logical_date),
        "window": _said(t.window),
        "target": t.target,
        "naive prediction": _said(t.naive),
        "missed thresholds": "; ".join(t.verdict),
        "overrides": " ".join(t.overrides),
        "why": t.why,
    }
    groups: list[tuple[str, Mapping[str, Any]]] = [
        ("metric", t.metrics),
        ("rows", t.rows),
        ("parameter", t.parameters),
        # Names of levels are data; how many there are is enough to see that they changed.
        (
            "feature",
            {c.name: f"{c.type}, {len(c.levels)} levels" if c.levels else c.type for c in t.features},
        ),
        ("definition", t.definition),
        (
            "fingerprint",
            {**t.fingerprints, "training": t.fingerprint, "definition": t.definition_fingerprint},
        ),
        ("runtime", t.runtime),
    ]
    for group, values in groups:
        facts.update((f"{group} {name}", _said(value)) for name, value in values.items())
    return facts


def _said(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
