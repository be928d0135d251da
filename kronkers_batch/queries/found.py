"""What errors found in the data and what models printed, as it stands, for who may read that data.

It is kept with a run's event. The words of an error never hold it. It is sealed under a data key that hangs
on the key of the department or the model, which readers have, and not on the view key. Who reads it leaves a
line in the ledger.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kronkers_batch.access import rights as asked
from kronkers_batch.audit import runlog, runs
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.declared.sources import source_of
from kronkers_batch.errors import AccessRefused, NotFound
from kronkers_batch.events.types import Event, RunRecord
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.reports import verdict
from kronkers_batch.session.services import Services
from kronkers_batch.store.tables.runs import events as events_table
from kronkers_batch.vault.context import Role, scope_of


@dataclass(frozen=True)
class Kept:
    """An event of a run; ``found`` is the text behind it, None where there is none or it is for others."""

    event: Event
    found: str | None


def log(services: Services, date: dt.date, name: str = "", run_id: str = "") -> tuple[RunRecord, list[Kept]]:
    """The events of a run, or of the last one of a date, each with what the caller may read of its text.

    Args:
        services: The opened system.
        date: The logical date.
        run_id: This run; empty for the last one of the date.
        name: Only events of this model, and of the sources that it reads; empty for all.

    Raises AccessRefused below reader, NotFound where there was no run, StoreError where the reading cannot be
    recorded, IntegrityError.
    """
    asked.visible(services, "log", [name] if name else [])
    run_id = runs.get(services, run_id).id if run_id else runs.last(services, date)
    wanted = _of(services, name) if name else None
    events = [
        (number, event)
        for number, event in runlog.numbered(services, run_id)
        if event.task not in verdict.OF_MODELS and (wanted is None or event.model in wanted)
    ]
    mine = asked.held(services)
    readable = {
        number: event.found
        for number, event in events
        if event.found and permissions.covers(mine, scope_of(event.found), Role.READER)
    }
    _record(services, run_id, list(readable.values()))
    with services.db.read() as connection:
        texts = {n: _text(services, connection, run_id, n, scope) for n, scope in readable.items()}
    kept = [Kept(event, texts.get(number)) for number, event in events]
    return runs.get(services, run_id), kept


def _record(services: Services, run_id: str, scopes: list[str]) -> None:
    """Before anything is decrypted: what cannot be recorded is not read."""
    if not scopes:
        return
    with services.db.write() as connection:
        for scope in dict.fromkeys(scopes):
            details = {"texts": scopes.count(scope)}
            add_entry(
                services.ledger, connection, services.vault, "log", f"run {run_id}", scope_of(scope), details
            )


def _text(services: Services, connection: Connection, run_id: str, number: int, scope: str) -> str | None:
    e = events_table.c
    blob = connection.execute(select(e.found).where(e.run_id == run_id, e.seq == number)).scalar_one()
    try:
        return runlog.opened_found(services, connection, run_id, scope, number, blob)
    except (AccessRefused, NotFound):  # revoked meanwhile, or shredded
        return None


def _of(services: Services, name: str) -> set[str]:
    """The model and the sources that it reads, those behind its queries among them."""
    found = {name}
    waiting = [source_of(services, services.model(name).source)]
    while waiting:
        source = waiting.pop()
        if source.name not in found:
            found.add(source.name)
            waiting += _inputs(services, source.name)
    return found


def _inputs(services: Services, name: str) -> Iterator[SourceSpec]:
    source = services.config.sources.get(name)
    for ref in source.inputs.values() if source else ():
        yield source_of(services, ref)
