"""The outbox: every event has a number, and no event that is committed later has a smaller one.

A number that is given before the commit is not enough: of two transactions the one with the smaller number
may commit last, and a reader that went on from the larger one never sees it. So a number is given under a
lock that is held to the commit: on SQLite the write lock, on PostgreSQL one of its own. It is the last lock
that a transaction takes, and no other is taken under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from kronkers_batch.events.types import RUN, Commit, Kind, next_command
from kronkers_batch.store import written
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables.runs import events, runs


@dataclass(frozen=True)
class Posted:
    """What lies in clear of an event: all that a subscriber receives, and no word of any data.

    Attributes are those of :class:`~kronkers_batch.events.types.Event`; besides, ``run`` is the id of its run
    (empty outside one), ``at`` a time in microseconds UTC, and ``commit`` what the run's definitions were.
    """

    position: int
    at: int
    kind: str
    run: str
    who: str
    department: str
    model: str
    task: str
    state: str
    subject: str
    date: str
    seconds: float
    commit: Commit | None = None

    @property
    def next(self) -> str:
        """What somebody should run next; empty where nobody must act."""
        return next_command(self.kind, self.task, self.state, self.model, self.date)


def numbers(connection: Connection, run_id: str) -> tuple[int, int | None]:
    """The next event's number over all events, and within its run (None outside one).

    Holds the lock of the numbers to the end of the transaction: seal what needs keys first.
    """
    serialise(connection, "events")
    last = connection.execute(select(func.max(events.c.position))).scalar() or 0
    if not run_id:
        return last + 1, None
    own = connection.execute(select(func.max(events.c.seq)).where(events.c.run_id == run_id)).scalar() or 0
    return last + 1, own + 1


def post(
    connection: Connection, rows: Sequence[Mapping[str, Any]], found: Iterable[Callable[[], None]] = ()
) -> None:
    """Adds the rows of events in the transaction of what they tell; they must be there after the commit.

    Args:
        connection: A write transaction.
        rows: By column; their numbers are from :func:`numbers`.
        found: Called once all were there after the commit.
    """
    whats = [
        f"event {row['seq']} of the run" if row["run_id"] else f"event {row['position']}" for row in rows
    ]
    written.insert_many(connection, events, rows, whats, found)


def newest(connection: Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return connection.execute(select(func.max(events.c.position))).scalar() or 0


def after(connection: Connection, position: int, limit: int) -> list[Posted]:
    """The events after a number, in order, at most so many."""
    query = (
        select(events, runs.c.commit_id, runs.c.commit_author, runs.c.commit_clean)
        .outerjoin(runs, runs.c.id == events.c.run_id)
        .where(events.c.position > position)
        .order_by(events.c.position)
        .limit(limit)
    )
    return [_posted(row) for row in connection.execute(query)]


def _posted(row: Row[Any]) -> Posted:
    started = row.kind == Kind.STARTED and row.task == RUN
    return Posted(
        position=row.position,
        at=row.at,
        kind=row.kind,
        run=row.run_id or "",
        who=row.principal,
        department=row.department,
        model=row.model,
        task=row.task,
        state=row.state,
        subject=row.subject,
        date=row.logical_date,
        seconds=row.seconds or 0.0,
        commit=commit_of(row) if started else None,
    )


def commit_of(row: Row[Any]) -> Commit | None:
    """The commit that a row of the table of runs tells of; None where it tells of none."""
    if not row.commit_id:
        return None
    clean = None if row.commit_clean is None else bool(row.commit_clean)
    return Commit(row.commit_id, row.commit_author or "", clean)
