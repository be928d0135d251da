"""The log of a date: which version was published, held or deleted when, and which one is the head since."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam

from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.store.shapes import Query
from kronkers_batch.store.tables.outputs import output_log, output_versions
from kronkers_batch.vault import signed_log
from kronkers_batch.vault.context import Context, DataKey, Role
from kronkers_batch.vault.signed_log import SignedLog, until
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse.output_chunks import Place
from kronkers_batch.warehouse.versions import Judgement, day_of

PUBLISH, HOLD, DELETE = "publish", "hold", "delete"
_DAMAGED = "Do not use these outputs. Restore the database from a backup, and find out who can write to it."


@dataclass(frozen=True, kw_only=True)
class Line(signed_log.Line):
    """One row of the log, as stored."""

    FORMAT = "kronkers-batch output log 1"
    SIGNED = ("model", "logical_date", "sequence", "version_id", "action", "head", "at", "previous")

    logical_date: str
    head: str

    @property
    def place(self) -> Place:
        """Of the version that it is about."""
        return Place(self.department, self.model, self.logical_date, self.version_id)

    @property
    def context(self) -> Context:
        """What details and signature are bound to."""
        return self.place.log(self.sequence)


LOG = SignedLog(
    line=Line,
    table=output_log,
    versions=output_versions,
    named=("model", "logical_date"),
    least=Role.OPERATOR,
    broken="the log of published outputs has a changed or missing row",
    fix=_DAMAGED,
)


def lines(conn: Connection, vault: Vault, model: str, date: dt.date, at: int | None = None) -> list[Line]:
    """The log of one date up to a time, oldest first, verified. Raises IntegrityError."""
    name = model, date.isoformat()
    # Without the list of names that many are asked by: a lookup of one key asks for one log.
    found = LOG.selected(conn, vault, _one(), dict(zip(LOG.named, name, strict=True)))
    return until(found.get(name, []), at)


def lines_by_date(
    conn: Connection,
    vault: Vault,
    model: str,
    first: dt.date | None = None,
    last: dt.date | None = None,
    at: int | None = None,
) -> dict[dt.date, list[Line]]:
    """The logs of a model's dates, in order of dates; without what other departments wrote in them.

    Raises IntegrityError.
    """
    asked = {"model": model, "first": str(first), "last": str(last)}
    found = LOG.selected(conn, vault, _query(first is not None, last is not None), asked)
    cut = {day_of(date): until(log, at) for (_, date), log in found.items()}
    return {date: log for date, log in cut.items() if log}


def logs(
    conn: Connection, vault: Vault, asked: Sequence[tuple[str, dt.date]]
) -> dict[tuple[str, dt.date], list[Line] | KronkersError]:
    """See :meth:`SignedLog.logs`, by model and date."""
    found = LOG.logs(conn, vault, [(model, date.isoformat()) for model, date in asked])
    return {(model, day_of(date)): log for (model, date), log in found.items()}


def append(
    conn: Connection,
    vault: Vault,
    key: DataKey,
    place: Place,
    action: str,
    head: str,
    *,
    missed: Iterable[str] = (),
    why: str = "",
) -> Line:
    """Adds a row about one version to its date's log, as :meth:`SignedLog.append`.

    Args:
        conn: The write transaction in which :func:`lines` was called.
        vault: Seals and signs.
        key: The version's record key.
        place: The version.
        action: One of the actions above.
        head: Id of the head from now on, or empty.
        missed: Thresholds that the version misses.
        why: The reason that a person gave.
    """
    draft = Line(
        department=place.department,
        model=place.model,
        logical_date=place.date,
        version_id=place.version_id,
        action=action,
        head=head,
    )
    what = f"the line about {place.name} ({action})"
    return LOG.append(conn, vault, key, draft, {"missed": list(missed), "why": why}, what)


def judgement(vault: Vault, key: DataKey, line: Line) -> Judgement:
    """A row with its sealed details; ``key`` is the record key of the row's version."""
    details = line.opened(vault, key)
    missed = None if details is None else details.get("missed", [])
    if details is None or not isinstance(missed, list):
        raise IntegrityError(
            "the details of a judgement (published, held or released) are damaged",
            where=f"{line.place.model}/{line.place.date}",
            fix=_DAMAGED,
        )
    return Judgement(
        sequence=line.sequence,
        action=line.action,
        version_id=line.version_id,
        head=line.head,
        at=line.at,
        principal=line.signature.principal,
        missed=tuple(map(str, missed)),
        why=str(details.get("why", "")),
    )


def without_details(line: Line) -> Judgement:
    """A row whose details nobody can open any more."""
    return Judgement(
        line.sequence, line.action, line.version_id, line.head, line.at, line.signature.principal
    )


def newest_about(log: Sequence[Line], version_id: str) -> Line | None:
    """The newest judgement of a version; None where there is none."""
    judged = (line for line in reversed(log) if line.version_id == version_id)
    return next(judged, None)


def published(log: Sequence[Line], version_id: str) -> bool:
    """Whether the newest judgement of a version lets readers see it."""
    newest = newest_about(log, version_id)
    return newest is not None and newest.action == PUBLISH


def head_of(log: Sequence[Line]) -> str:
    """Id of the head; empty where there is none."""
    return log[-1].head if log else ""


def last_good(log: Sequence[Line], without: str) -> str:
    """Id of the newest earlier head that is still published, leaving one version out; empty if none."""
    for line in reversed(log):
        if line.head and line.head != without and published(log, line.head):
            return line.head
    return ""


@functools.cache  # making a statement anew takes longer than executing it
def _one() -> Query:
    return LOG.in_order.where(*(LOG.table.c[name] == bindparam(name) for name in LOG.named))


@functools.cache  # making a statement anew takes longer than executing it
def _query(first: bool, last: bool) -> Query:
    log = output_log.c
    query = LOG.in_order.where(log.model == bindparam("model"))
    if first:
        query = query.where(log.logical_date >= bindparam("first"))
    return query.where(log.logical_date <= bindparam("last")) if last else query
