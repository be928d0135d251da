"""The record of runs in the database: what happened to each model, why, and how long it took.

Messages and reasons are sealed under the model's department's key: they name features, metrics and counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from kronkers_batch.steps.services import Services
from kronkers_batch.store.clock import now
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.runs import run_events, runs
from kronkers_batch.vault.sealing import Context, Kind
from kronkers_batch.vault.vault import Scope

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run: ``state`` is done, held, failed, waiting or skipped."""

    model: str
    task: str
    state: str
    seconds: float
    message: str
    reason: str


def begin(services: Services, date: dt.date, trigger: str) -> str:
    """Record that a run started; returns its id."""
    run_id = new_id()
    with services.db.write() as connection:
        connection.execute(
            insert(runs).values(
                id=run_id, logical_date=date.isoformat(), started=now(), state="running", trigger=trigger
            )
        )
    return run_id


def record(services: Services, run: str, department: str, event: Event) -> None:
    """Append one event to a run."""
    with services.db.write() as connection:
        last = connection.execute(select(func.max(run_events.c.seq)).where(run_events.c.run_id == run)).scalar()
        number = (last or 0) + 1
        connection.execute(
            insert(run_events).values(
                run_id=run,
                seq=number,
                at=now(),
                model=event.model,
                task=event.task,
                state=event.state,
                seconds=event.seconds,
                message=_seal(services, connection, department, number, 0, event.message),
                reason=_seal(services, connection, department, number, 1, event.reason),
            )
        )


def finish(services: Services, run: str, exit_code: int) -> None:
    """Record that a run ended."""
    with services.db.write() as connection:
        connection.execute(
            update(runs)
            .where(runs.c.id == run)
            .values(finished=now(), state="finished", exit_code=exit_code)
        )
