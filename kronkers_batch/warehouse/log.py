"""The log of a date: which version was published, held or deleted when, and which one is the head since."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, Connection, bindparam, select

from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.store import chain, clock, questions, seen, written
from kronkers_batch.store.canonical import encode, sealed_object
from kronkers_batch.store.shapes import Query, StoredRow
from kronkers_batch.store.tables.outputs import output_log, output_versions
from kronkers_batch.vault.context import DataKey, Signature
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse.pieces import Place
from kronkers_batch.warehouse.versions import Judgement, day_of

PUBLISH, HOLD, DELETE = "publish", "hold", "delete"
_DAMAGED = "Do not use these outputs. Compare with a backup, and see who could write to the database."


@dataclass(frozen=True)
class Line:
    """One row of the log, as stored."""

    place: Place  # of the version that it is about
    sequence: int
    action: str
    head: str
    at: int
    previous: str
    details: bytes
    signature: Signature

    def statement(self) -> bytes:
        """What is signed."""
        return encode(
            "kronkers-batch output log 1",
            self.place.model,
            self.place.date,
            self.sequence,
            self.place.version_id,
            self.action,
            self.head,
            self.at,
            self.previous,
            hashlib.sha256(self.details).hexdigest(),
        )

    def digest(self) -> str:
        """What the next row calls it."""
        return chain.digest(self.statement(), self.signature.value)


def lines(conn: Connection, vault: Vault, model: str, date: dt.date, at: int | None = None) -> list[Line]:
    """The log of one date up to a moment, oldest first, verified. Raises IntegrityError."""
    found = lines_by_date(conn, vault, model, date, date, at)
    return found.get(date, [])


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
    query = _query(first is not None, last is not None, at is not None)
    asked = {"model": model, "first": str(first), "last": str(last), "at": at}
    rows = conn.execute(query, asked).all()
    result: dict[dt.date, list[Line]] = {}
    for date, group in itertools.groupby(map(_line, rows), key=lambda line: line.place.date):
        if ours := _verified(conn, vault, list(group)):
            result[day_of(date)] = ours
    return result


def logs(
    conn: Connection, vault: Vault, asked: Sequence[tuple[str, dt.date]]
) -> dict[tuple[str, dt.date], list[Line] | KronkersError]:
    """The logs of models' dates by one statement, each as :func:`lines`; empty where there is none.

    An IntegrityError is the value of its own date alone.
    """
    found = seen.for_each(conn, asked, lambda some: _stored(conn, some))
    for day, log in found.items():
        if not isinstance(log, KronkersError):
            try:
                found[day] = _verified(conn, vault, log)
            except IntegrityError as error:
                found[day] = error
    return found


def days(conn: Connection, asked: Iterable[tuple[str, dt.date]]) -> CTE:
    """Models and dates as a table of ``model`` and ``logical_date``, to be joined."""
    data = ((model, date.isoformat()) for model, date in asked)
    return questions.asked(conn, questions.texts("model", "logical_date"), data)


def _stored(conn: Connection, asked: Sequence[tuple[str, dt.date]]) -> dict[tuple[str, dt.date], list[Line]]:
    found: dict[tuple[str, dt.date], list[Line]] = {day: [] for day in asked}
    these, log = days(conn, asked), output_log.c
    joined = _every().join(these, (log.model == these.c.model) & (log.logical_date == these.c.logical_date))
    for row in conn.execute(joined.order_by(log.sequence)).all():
        found[row.model, day_of(row.logical_date)].append(_line(row))
    return found


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
    """Adds a row about one version to its date's log.

    Args:
        conn: The write transaction in which :func:`lines` was called; that makes it a compare-and-swap.
        vault: Seals and signs.
        key: The version's record key.
        place: The version.
        action: One of the actions above.
        head: Id of the head from now on, or empty.
        missed: Thresholds that the version misses.
        why: The reason that a person gave.
    """
    newest = _newest(conn, place)
    sequence = newest.sequence + 1 if newest else 1
    details = json.dumps({"missed": list(missed), "why": why}).encode()
    unsigned = Line(
        place=place,
        sequence=sequence,
        action=action,
        head=head,
        # Moments of a log rise, so that each moment has one head.
        at=max(clock.now(), newest.at + 1) if newest else clock.now(),
        previous=newest.digest() if newest else chain.NONE,
        details=vault.seal(key, place.log(sequence), details),
        signature=Signature("", "", b""),
    )
    signature = vault.sign(place.log(sequence), unsigned.statement())
    row = {
        "model": place.model,
        "logical_date": place.date,
        "sequence": sequence,
        "version_id": place.version_id,
        "action": action,
        "head": head,
        "at": unsigned.at,
        "previous": unsigned.previous,
        "details": unsigned.details,
        "signer": signature.principal,
        "signer_key": signature.key_id,
        "signature": signature.value,
    }
    written.insert(conn, output_log, row, f"the line about {place.model}/{place.date} ({action})")
    return Line(**{**unsigned.__dict__, "signature": signature})


def judgement(vault: Vault, key: DataKey, line: Line) -> Judgement:
    """A row with its sealed details; ``key`` is the record key of the row's version."""
    details = sealed_object(vault.unseal(key, line.place.log(line.sequence), line.details))
    missed = None if details is None else details.get("missed", [])
    if details is None or not isinstance(missed, list):
        raise IntegrityError(
            "a judgement has details that are none",
            where=f"{line.place.model}/{line.place.date}",
            fix=_DAMAGED,
        )
    return Judgement(
        sequence=line.sequence,
        action=line.action,
        version_id=line.place.version_id,
        head=line.head,
        at=line.at,
        principal=line.signature.principal,
        missed=tuple(map(str, missed)),
        why=str(details.get("why", "")),
    )


def without_details(line: Line) -> Judgement:
    """A row whose details nobody can open any more."""
    return Judgement(
        line.sequence, line.action, line.place.version_id, line.head, line.at, line.signature.principal
    )


def newest_about(log: Sequence[Line], version_id: str) -> Line | None:
    """The newest judgement of a version; None where there is none."""
    judged = (line for line in reversed(log) if line.place.version_id == version_id)
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


def _every() -> Query:
    log, versions = output_log.c, output_versions.c
    return select(output_log, versions.department).join(output_versions, versions.id == log.version_id)


@functools.cache  # making a statement anew takes longer than executing it
def _query(first: bool, last: bool, at: bool) -> Query:
    log = output_log.c
    query = _every().where(log.model == bindparam("model")).order_by(log.logical_date, log.sequence)
    if first:
        query = query.where(log.logical_date >= bindparam("first"))
    if last:
        query = query.where(log.logical_date <= bindparam("last"))
    return query.where(log.at <= bindparam("at")) if at else query


def _newest(conn: Connection, place: Place) -> Line | None:
    log = output_log.c
    query = _every().where(log.model == place.model, log.logical_date == place.date)
    row = conn.execute(query.order_by(log.sequence.desc()).limit(1)).one_or_none()
    return None if row is None else _line(row)


def _line(row: StoredRow) -> Line:
    return Line(
        place=Place(row.department, row.model, row.logical_date, row.version_id),
        sequence=row.sequence,
        action=row.action,
        head=row.head,
        at=row.at,
        previous=row.previous,
        details=row.details,
        signature=Signature(row.signer, row.signer_key, row.signature),
    )


def _verified(conn: Connection, vault: Vault, log: list[Line]) -> list[Line]:
    previous = chain.NONE
    for number, line in enumerate(log, start=1):
        if line.sequence != number or line.previous != previous:
            raise IntegrityError(
                "the log that says which output is the current one has a changed or missing row",
                where=f"{line.place.model}/{line.place.date}",
                fix=_DAMAGED,
            )
        previous = line.digest()
    for line in reversed(log):
        # Each stands for all before it. One of another department is passed over, but only where it is that:
        # the department is a column of the version's row, and whose signature counts hangs on it.
        vault.verify(conn, line.place.log(line.sequence), line.statement(), line.signature)
        if vault.is_home(line.place.model, line.place.department):
            break
    return [line for line in log if vault.is_home(line.place.model, line.place.department)]
