"""What a run would do, and why: a walk over the same graph that Luigi walks, which runs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.base import BaseTask
from tasks.nightly import Nightly


@dataclass(frozen=True)
class Planned:
    """A task that would run: its kind, its model or source, its date or window, and why."""

    task: str
    subject: str
    detail: str
    reason: str


def plan(root: Nightly) -> list[Planned]:
    """The tasks that would run, each after those it stands on. Runs nothing, and opens no source's rows."""
    planned: dict[str, Planned] = {}
    _visit(root, planned, set())
    return [p for p in planned.values() if p.task not in ("nightly", "published")]


def _visit(task: BaseTask, planned: dict[str, Planned], seen: set[str]) -> None:
    if task.task_id in seen:
        return
    seen.add(task.task_id)
    if task.complete():
        return
    for required in task.requires():
        _visit(required, planned, seen)
    subject = "" if isinstance(task, Nightly) else task.subject[0]
    planned[task.task_id] = Planned(task.kind, subject, _detail(task), task.reason())


def _detail(task: BaseTask) -> str:
    if hasattr(task, "date"):
        return str(task.date)
    window = getattr(task, "window", None)
    return "" if window is None else str(window)
