"""The record of runs in the database: what happened to each model, why, and how long it took.

Messages and reasons name features, metrics and counts: they are sealed under the record key of the model, or
of the department where they are about a source, so that who was granted one model alone reads of that one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from kronkers_batch.errors import AccessRefused, NotFound
from kronkers_batch.redaction import redact
from kronkers_batch.reports.page import Event, RunRecord
from kronkers_batch.steps.services import Services
from kronkers_batch.store.clock import now
from kronkers_batch.store.ids import LENGTH, new_id
from kronkers_batch.store.tables.runs import run_events, runs
from kronkers_batch.vault.context import Context, Kind, Scope, scope_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_PURPOSE = "runs"
_MESSAGE, _REASON = 0, 1
_SOURCES = "ingest"  # the kind of task whose subject is a source


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


def record(services: Services, run_id: str, department: str, event: Event) -> None:
    """Append one event to a run.

    Where the caller holds no key to seal its words with (a model that somebody else runs), the event stands
    without them, and this process alone remembers them.
    """
    with services.db.write() as connection:
        last = connection.execute(
            select(func.max(run_events.c.seq)).where(run_events.c.run_id == run_id)
        ).scalar()
        number = (last or 0) + 1
        try:
            key = services.vault.record_key(connection, _scope(department, event.task, event.model), _PURPOSE)
        except AccessRefused:
            key = None
            services.memo["unsealed", run_id, str(number)] = (redact(event.message), redact(event.reason))

        def seal(part: int, text: str) -> bytes:
            if key is None:
                return b""
            context = _context(run_id, department, number, part)
            sealed = services.vault.seal(key, context, redact(text).encode())
            return key.id.encode() + sealed

        connection.execute(
            insert(run_events).values(
                run_id=run_id,
                seq=number,
                at=now(),
                model=event.model,
                department=department,
                task=event.task,
                state=event.state,
                seconds=event.seconds,
                message=seal(_MESSAGE, event.message),
                reason=seal(_REASON, event.reason),
            )
        )


def finish(services: Services, run_id: str, exit_code: int) -> None:
    """Record that a run ended."""
    with services.db.write() as connection:
        connection.execute(
            update(runs)
            .where(runs.c.id == run_id)
            .values(finished=now(), state="finished", exit_code=exit_code)
        )


def get(services: Services, run_id: str) -> RunRecord:
    """A run. Raises NotFound."""
    with services.db.read() as connection:
        row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no run {run_id}", fix="kronkers run makes one")
    return RunRecord(row.id, row.logical_date, row.started, row.finished, row.exit_code)


def last_run(services: Services, date: dt.date) -> str:
    """The newest run of a logical date. Raises NotFound."""
    query = select(runs.c.id).where(runs.c.logical_date == date.isoformat()).order_by(runs.c.started.desc())
    with services.db.read() as connection:
        found = connection.execute(query.limit(1)).scalar()
    if found is None:
        raise NotFound(f"there was no run of {date}", fix=f"kronkers run --date {date}")
    return str(found)


def events(services: Services, run_id: str) -> Iterator[Event]:
    """What happened in a run, in order, of what the caller may see."""
    query = select(run_events).where(run_events.c.run_id == run_id).order_by(run_events.c.seq)
    with services.db.read() as connection:
        for row in connection.execute(query).all():
            words = _words(services, connection, row)
            if words is not None:
                yield Event(row.model, row.task, row.state, row.seconds or 0.0, *words)


def _words(
    services: Services, connection: Connection, row: Row[tuple[object, ...]]
) -> tuple[str, str] | None:
    """An event's message and reason; None where they are not for the caller."""
    known = services.memo.get(("unsealed", row.run_id, str(row.seq)))
    if isinstance(known, tuple):
        return known
    if not row.message:
        if services.vault.role(connection, _scope(row.department, row.task, row.model)) is None:
            return None
        return "whoever ran it could not seal what happened", ""
    try:
        message, reason = (
            _opened(services, connection, _context(row.run_id, row.department, row.seq, part), blob)
            for part, blob in ((_MESSAGE, row.message), (_REASON, row.reason))
        )
    except (AccessRefused, NotFound):
        return None
    return message, reason


def _opened(services: Services, connection: Connection, context: Context, blob: bytes) -> str:
    """The text of what was sealed: the id of its key stands before it, because keys rotate."""
    key = services.vault.data_key(connection, blob[:LENGTH].decode("ascii", "replace"))
    return services.vault.unseal(key, context, blob[LENGTH:]).decode()


def _scope(department: str, task: str, name: str) -> Scope:
    """Whose key: the model's; for a source, that of whoever it is frozen under (``department`` says it)."""
    return scope_of(department) if task == _SOURCES else Scope(department, name)


def _context(run_id: str, department: str, number: int, part: int) -> Context:
    return Context(Kind.RECORD, department, _PURPOSE, run_id, piece=number, rows=part)
