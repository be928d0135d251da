"""The events of runs in the database: what happened to each model, why, and how long it took.

Messages and reasons name features, metrics and counts: they are sealed under the record key of the model, or
of the department where they are about a source, so that who was granted one model alone reads of that one.
What an error found in the data is sealed apart from its words, for readers: see ``steps/found.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from kronkers_batch import texts
from kronkers_batch.errors import AccessRefused, NotFound
from kronkers_batch.reports.events import Event
from kronkers_batch.steps.services import Services
from kronkers_batch.store.clock import now
from kronkers_batch.store.ids import LENGTH, new_id
from kronkers_batch.store.tables.runs import run_events, runs
from kronkers_batch.vault.context import Context, Kind, Scope, scope_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_PURPOSE = "runs"
_MESSAGE, _REASON, _FOUND = 0, 1, 2
_SOURCES = "ingest"  # the kind of task whose subject is a source
VERIFY = "verify"  # and the one at the end of a run, whose subject is the ledger


def record(services: Services, run_id: str, department: str, event: Event, found: str = "") -> None:
    """Append one event to a run, and the text that its error found in the data, if it found one.

    Where the caller holds no key to seal its words with (a model that somebody else runs), the event stands
    without them, and this process alone remembers them.
    """
    with services.db.write() as connection:
        record_in(services, connection, run_id, department, event, found)


def record_in(
    services: Services, connection: Connection, run_id: str, department: str, event: Event, found: str = ""
) -> None:
    """As :func:`record`, in the transaction of what the event tells."""
    last = connection.execute(
        select(func.max(run_events.c.seq)).where(run_events.c.run_id == run_id)
    ).scalar()
    number = (last or 0) + 1
    scope = _scope(department, event.task, event.model)
    kept = _sealed_found(services, connection, run_id, scope, number, found) if found else None
    words = texts.leaving(event.message)
    if kept:
        words += _where_to_read(connection, run_id, scope)
    reason = texts.leaving(event.reason)
    try:
        key = services.vault.record_key(connection, scope, _PURPOSE)
    except AccessRefused:
        key = None
        services.memo["unsealed", run_id, str(number)] = (words, reason)

    def seal(part: int, text: str) -> bytes:
        if key is None:
            return b""
        context = _context(run_id, department, number, part)
        sealed = services.vault.seal(key, context, text.encode())
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
            message=seal(_MESSAGE, words),
            reason=seal(_REASON, reason),
            found=kept,
        )
    )


def _sealed_found(
    services: Services, connection: Connection, run_id: str, scope: Scope, number: int, text: str
) -> bytes | None:
    """The text under a key of its own that readers have; None for who has no such key."""
    vault = services.vault
    try:
        key = vault.new_data_key(connection, scope, Kind.FOUND, new_id())
    except AccessRefused:
        return None
    context = _found_context(run_id, str(scope), number)
    return key.id.encode() + vault.seal(key, context, text.encode(errors="surrogatepass"))


def opened_found(
    services: Services, connection: Connection, run_id: str, scope: str, number: int, blob: bytes
) -> str:
    """What :func:`record` kept of an event. Raises AccessRefused, NotFound, IntegrityError."""
    vault = services.vault
    key = vault.data_key(connection, blob[:LENGTH].decode("ascii", "replace"))
    plain = vault.unseal(key, _found_context(run_id, scope, number), blob[LENGTH:])
    return plain.decode(errors="surrogatepass")


def _where_to_read(connection: Connection, run_id: str, scope: Scope) -> str:
    date = connection.execute(select(runs.c.logical_date).where(runs.c.id == run_id)).scalar_one()
    name = f"{scope.model} " if scope.model else ""
    return (
        f"\n  -> what was found there is kept for readers of {scope} alone: kronkers log {name}--date {date}"
    )


def events(services: Services, run_id: str) -> Iterator[Event]:
    """What happened in a run, in order, of what the caller may see."""
    for _number, event in numbered(services, run_id):
        yield event


def numbered(services: Services, run_id: str) -> Iterator[tuple[int, Event]]:
    """As :func:`events`, each with its number."""
    query = select(run_events).where(run_events.c.run_id == run_id).order_by(run_events.c.seq)
    with services.db.read() as connection:
        for row in connection.execute(query).all():
            words = _words(services, connection, row)
            if words is not None:
                scope = str(_scope(row.department, row.task, row.model)) if row.found else ""
                yield row.seq, Event(row.model, row.task, row.state, row.seconds or 0.0, *words, scope)


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
    return scope_of(department) if task in (_SOURCES, VERIFY) else Scope(department, name)


def _context(run_id: str, department: str, number: int, part: int) -> Context:
    return Context(Kind.RECORD, department, _PURPOSE, run_id, piece=number, rows=part)


def _found_context(run_id: str, scope: str, number: int) -> Context:
    return Context(Kind.FOUND, scope, _PURPOSE, run_id, piece=number, rows=_FOUND)
