"""The tasks of a plan's entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kronkers_batch.planning import plan as entries
from kronkers_batch.planning.plan import AnyEntry, Plan
from tasks.base import BaseTask
from tasks.ingest import Ingest
from tasks.score import Published, Score
from tasks.train import Decide, Train


def task_of(entry: AnyEntry, common: Mapping[str, Any], plan: Plan) -> BaseTask:
    """The task that an entry is; it carries the plan into a process of its own."""
    task = _made(entry, common)
    task._carried = plan
    return task


def _made(entry: AnyEntry, common: Mapping[str, Any]) -> BaseTask:
    if isinstance(entry, entries.Ingest):
        return Ingest(source=entry.source, under=entry.under, start=entry.start, end=entry.end, **common)
    if isinstance(entry, entries.Train):
        if not entry.fingerprint:
            return Decide(model=entry.model, date=entry.date, **common)
        return Train(model=entry.model, date=entry.date, fingerprint=entry.fingerprint, **common)
    kind = Score if isinstance(entry, entries.Score) else Published
    return kind(model=entry.model, date=entry.date, **common)
