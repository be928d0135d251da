"""What a run would do, and why, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.plan import AnyEntry, Plan


@dataclass(frozen=True)
class Planned:
    """A task that would run: its kind, its model or source, its date or window, and why."""

    task: str
    subject: str
    detail: str
    reason: str


def shown(plan: Plan) -> list[Planned]:
    """The tasks that would run, each after those it stands on."""
    return [_planned(entry) for entry in plan.open if not isinstance(entry, entries.Published)]


def _planned(entry: AnyEntry) -> Planned:
    match entry:
        case entries.Ingest():
            return Planned("ingest", entry.source, entry.window, entry.why)
        case entries.Score() | entries.Published():
            kind = "score"
        case entries.Train():
            kind = "train" if entry.fingerprint else "decide"
        case _:
            assert_never(entry)
    reason = entry.why if entry.problem is None else _refused(entry)
    return Planned(kind, entry.model, str(entry.date), reason)


def _refused(entry: AnyEntry) -> str:
    refused = entry.problem is not None and entry.problem.refused
    return f"refused: {entry.why}" if refused else entry.why
