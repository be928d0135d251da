"""The events of runs in the database: what happened to each model, why, and how long it took.

Messages and reasons name features, metrics and counts: they are sealed under the record key of the model, or
of the department where they are about a source, so that who was granted one model alone reads of that one.
What an error found in the data, and what a model printed, is sealed apart from its words, for readers: see
``queries/found.py``.

They are sealed and not signed. So a process remembers what it recorded itself: its own verdicts follow from
that, whatever becomes of the rows, and at the end of its run both are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from kronkers_batch import texts
from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.events import outbox
from kronkers_batch.events.types import RUN, Event
from kronkers_batch.session.known import Own
from kronkers_batch.session.services import Services
from kronkers_batch.store.clock import now
from kronkers_batch.store.ids import LENGTH, new_id
from kronkers_batch.store.tables.runs import events as events_table
from kronkers_batch.store.tables.runs import runs
from kronkers_batch.vault.context import Context, DataKey, Kind, Scope, scope_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_PURPOSE = "runs"
_MESSAGE, _REASON, _FOUND = 0, 1, 2
_MOST_NAMED = 10  # numbers of events in a message
_SOURCES = "ingest"  # the kind of task whose subject is a source
PRINTED = "The model printed:"
"""The line before what a model printed, behind what an error found."""
_OF_MODELS = ("train", "score")  # the kinds of tasks in which a model's code runs
VERIFY = "verify"  # and the one at the end of a run, whose subject is the ledger
DISCARD = "discard"  # and the one that lets snapshots expire


def record(services: Services, run_id: str, department: str, event: Event, found: str = "") -> None:
    """Append one event to a run (outside one where ``run_id`` is empty), and the text that its error found.

    Where the caller holds no key to seal its words with (a model that somebody else runs), the event stands
    without them, and this process alone remembers them. Raises IntegrityError where it is not there then.
    """
    with services.db.write() as connection:
        record_in(services, connection, run_id, department, event, found)


Keys = Mapping[Scope, "DataKey | None"]
"""The keys that seal the words of events; None where the caller has none."""


def keys_of(services: Services, each: Iterable[tuple[str, Event]]) -> Keys:
    """The keys of many events, each with its department, asked before the transaction that writes them.

    One that is not there yet is left out: it is made in the transaction that writes.
    """
    scopes = dict.fromkeys(_scope(department, event.task, event.model) for department, event in each)
    found: dict[Scope, DataKey | None] = {}
    with services.db.read() as connection:
        services.vault.fetch_record_keys(connection, filter(_has_words, scopes), _PURPOSE)
        for scope in scopes:
            with suppress(NotFound):
                found[scope] = _key(services, connection, scope)
    return found


def record_all(
    services: Services, connection: Connection, run_id: str, each: Iterable[tuple[str, Event]], known: Keys
) -> None:
    """As :func:`record_in`, of several events, each with its department; ``known`` is of :func:`keys_of`."""
    together = list(each)
    keys = dict(known)
    for department, event in together:  # keys that are to be made are made before the numbers' lock is held
        scope = _scope(department, event.task, event.model)
        if scope not in keys:
            keys[scope] = _key(services, connection, scope)
    position, number = outbox.numbers(connection, run_id)
    made = []
    for count, (department, event) in enumerate(together):
        key = keys[_scope(department, event.task, event.model)]
        numbers = (position + count, None if number is None else number + count)
        made.append(_row(services, run_id, department, event, key, numbers))
    _post(services, connection, run_id, made)


def record_in(
    services: Services, connection: Connection, run_id: str, department: str, event: Event, found: str = ""
) -> None:
    """As :func:`record`, in the transaction of what the event tells, which locks nothing else after it."""
    scope = _scope(department, event.task, event.model)
    key = _key(services, connection, scope)
    text = _with_printed(services, event, found) if run_id else found
    found_key = _found_key(services, connection, scope) if text else None
    position, number = outbox.numbers(connection, run_id)
    kept = None
    if found_key is not None:
        kept = _sealed_found(services, found_key, run_id, str(scope), number or position, text)
    if found_key is not None and found:
        event = replace(event, message=event.message + _where_to_read(connection, run_id, scope))
    made = _row(services, run_id, department, event, key, (position, number), kept)
    _post(services, connection, run_id, [made])


def _with_printed(services: Services, event: Event, found: str) -> str:
    """What an error found, and what the model printed during this work."""
    printed = services.run.printed.text(event.model) if event.task in _OF_MODELS else ""
    return "\n\n".join([*([found] if found else []), f"{PRINTED}\n{printed}"]) if printed else found


def _post(services: Services, connection: Connection, run_id: str, made: Sequence[Own]) -> None:
    """Puts events into the outbox; of those of a run this process remembers each, once it is there."""
    own = _own(services, run_id)
    remember = [partial(own.__setitem__, one.row["seq"], one) for one in made] if run_id else []
    outbox.post(connection, [one.row for one in made], remember)


def _row(
    services: Services,
    run_id: str,
    department: str,
    event: Event,
    key: DataKey | None,
    numbers: tuple[int, int | None],
    kept: bytes | None = None,
) -> Own:
    """An event and its row, with its words sealed; ``kept`` is what its error found, sealed."""
    event.require_whole()
    position, number = numbers
    scope = _scope(department, event.task, event.model)
    words, reason = texts.leaving(event.message), texts.leaving(event.reason)

    def seal(part: int, text: str) -> bytes:
        if key is None:
            return b""
        context = _context(run_id, department, number or position, part)
        return key.id.encode() + services.vault.seal(key, context, text.encode())

    row = {
        "position": position,
        "run_id": run_id or None,
        "seq": number,
        "at": now(),
        "kind": str(event.kind),
        "principal": services.vault.principal,
        "model": event.model,
        "department": department,
        "task": event.task,
        "state": event.state,
        "subject": event.subject,
        "logical_date": event.date,
        "seconds": event.seconds,
        "message": seal(_MESSAGE, words),
        "reason": seal(_REASON, reason),
        "found": kept,
    }
    known = replace(event, message=words, reason=reason, found=str(scope) if kept else "")
    return Own(replace(known, who=services.vault.principal, position=position), row)


def _key(services: Services, connection: Connection, scope: Scope) -> DataKey | None:
    """The key that seals an event's words; None where the caller has none, and where it has no words."""
    if not _has_words(scope):
        return None
    try:
        return services.vault.record_key(connection, scope, _PURPOSE)
    except AccessRefused:
        return None


def _has_words(scope: Scope) -> bool:
    return bool(scope.department)


def _own(services: Services, run_id: str) -> dict[int, Own]:
    return services.run.events.setdefault(run_id, {})


def require_kept(services: Services, run_id: str) -> None:
    """Compares a run's events with those that this process recorded. Raises IntegrityError.

    Where tasks have processes of their own, theirs are others', and only this process's own are compared.
    """
    own = _own(services, run_id)
    with services.db.read() as connection:
        rows = connection.execute(select(events_table).where(events_table.c.run_id == run_id)).all()
    stored = {row.seq: dict(row._mapping) for row in rows}
    changed = [number for number, one in own.items() if stored.get(number) != one.row]
    if _is_alone(services):
        changed += stored.keys() - own.keys()
    if changed:
        numbers = ", ".join(map(str, sorted(changed)[:_MOST_NAMED]))
        raise IntegrityError(
            f"rows of this run in the table events were changed, added or deleted while it ran: {numbers}",
            where=f"run {run_id}",
            fix="The output of this command is right; the run's page may be wrong. Find out who can write "
            "to the database.",
        )


def _is_alone(services: Services) -> bool:
    """Whether nobody but this process records events of its run."""
    return services.config.executor.workers == 1


def _found_key(services: Services, connection: Connection, scope: Scope) -> DataKey | None:
    """A key of its own that readers have; None for who has no such key."""
    try:
        return services.vault.new_data_key(connection, scope, Kind.FOUND, new_id())
    except AccessRefused:
        return None


def _sealed_found(services: Services, key: DataKey, run_id: str, scope: str, number: int, text: str) -> bytes:
    context = _found_context(run_id, scope, number)
    return key.id.encode() + services.vault.seal(key, context, text.encode(errors="surrogatepass"))


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
    return f"\n  -> readers of {scope} see the values found in the data: kronkers log {name}--date {date}"


def events(services: Services, run_id: str) -> Iterator[Event]:
    """What happened in a run, in order, of what the caller may see."""
    for _number, event in numbered(services, run_id):
        yield event


def numbered(services: Services, run_id: str) -> Iterator[tuple[int, Event]]:
    """As :func:`events`, each with its number in the run; those about the run itself are left out."""
    found = {number: one.event for number, one in _own(services, run_id).items() if one.event.task != RUN}
    if not found or not _is_alone(services):
        found = dict(_stored(services, run_id)) | found
    yield from sorted(found.items())


def _stored(services: Services, run_id: str) -> Iterator[tuple[int, Event]]:
    e = events_table.c
    query = select(events_table).where(e.run_id == run_id, e.task != RUN).order_by(e.seq)
    with services.db.read() as connection:
        for row in connection.execute(query).all():
            words = _words(services, connection, row)
            if words is not None:
                scope = str(_scope(row.department, row.task, row.model)) if row.found else ""
                fields = (row.model, row.task, row.state, row.seconds or 0.0, *words, scope, row.kind)
                yield row.seq, Event(*fields, row.subject, row.logical_date, row.principal, row.position)


def _words(
    services: Services, connection: Connection, row: Row[tuple[object, ...]]
) -> tuple[str, str] | None:
    """An event's message and reason; None where they are not for the caller."""
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
    return scope_of(department) if task in (_SOURCES, VERIFY, DISCARD) else Scope(department, name)


def _context(run_id: str, department: str, number: int, part: int) -> Context:
    return Context(Kind.RECORD, department, _PURPOSE, run_id, chunk=number, rows=part)


def _found_context(run_id: str, scope: str, number: int) -> Context:
    return Context(Kind.FOUND, scope, _PURPOSE, run_id, chunk=number, rows=_FOUND)
