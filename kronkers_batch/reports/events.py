"""Runs and what happened in them, as every page and command passes them on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        id: Its random id.
        date: Its logical date (ISO).
        started: When it began, in microseconds UTC.
        finished: When it ended; None while it runs, and where it was killed.
        exit_code: What its process ended with; None where it did not end by itself.
        state: ``running``, ``finished`` or ``interrupted``.
        trigger: What began it: ``command``, ``schedule`` or ``retry``.
    """

    id: str
    date: str
    started: int
    finished: int | None
    exit_code: int | None
    state: str = "finished"
    trigger: str = "command"


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run: ``model`` is a model or source; state is done, held or failed.

    ``found`` says on what one must be a reader to see the text that its error found in the data, such as
    ``sales`` or ``sales/buys``; empty where there is none.
    """

    model: str
    task: str
    state: str
    seconds: float
    message: str
    reason: str
    found: str = ""
