"""Finding output versions and opening their manifests: nothing is handed out before it is verified."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError, NotFound, UsageError
from kronkers_batch.store import seen
from kronkers_batch.store.tables.outputs import output_log, output_versions
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import log
from kronkers_batch.warehouse.log import Line
from kronkers_batch.warehouse.opened_version import (
    RESTORE,
    Known,
    Opened,
    VersionRow,
    open_version,
    place_of,
    unfit,
)
from kronkers_batch.warehouse.versions import Head, day_of


def row_of(conn: Connection, version_id: str) -> VersionRow:
    """The row of a version that a log names. Raises IntegrityError where it is gone."""
    row = seen.row(conn, output_versions, version_id)
    if row is None:
        raise IntegrityError("an output version is missing from the database", where=version_id, fix=RESTORE)
    return row


def numbered(conn: Connection, vault: Vault, model: str, date: dt.date, number: int) -> VersionRow:
    """The row of a finished version by its number. Raises NotFound."""
    columns = output_versions.c
    row = conn.execute(
        select(output_versions).where(
            columns.model == model,
            columns.logical_date == date.isoformat(),
            columns.number == number,
            vault.at_home(model, columns.department),
        )
    ).one_or_none()
    if row is None or row.state == "writing":
        raise NotFound(
            f"the output {model}/{date}#{number} does not exist",
            fix=f"See which there are: kronkers outputs {model}",
        )
    if row.state == "deleted":
        raise NotFound(
            f"{model}/{date}#{number} was deleted", fix=f"See which there are: kronkers outputs {model}"
        )
    return row


def open_head(
    conn: Connection,
    vault: Vault,
    model: str,
    date: dt.date,
    at: int | None = None,
    known: Known | None = None,
) -> Opened:
    """The head of a date, now or as of a time. Raises NotFound."""
    judged = log.lines(conn, vault, model, date, at)
    head = log.head_of(judged)
    if not head:
        when = " at that time" if at is not None else ""
        raise NotFound(
            f"there is no published output of {model} for {date}{when}",
            fix=f"See which there are: kronkers outputs {model}",
        )
    return open_version(conn, vault, head_row(conn, head, judged), judged, known)


def open_heads(
    conn: Connection,
    vault: Vault,
    model: str,
    first: dt.date | None,
    last: dt.date | None,
    at: int | None,
    known: Known | None = None,
) -> list[Opened]:
    """The heads of a range of dates (both ends included; None is open), by date."""
    logs = log.lines_by_date(conn, vault, model, first, last, at).values()
    seen.fetch(conn, output_versions, filter(None, map(log.head_of, logs)))
    rows = [(head_row(conn, head, judged), judged) for judged in logs if (head := log.head_of(judged))]
    vault.fetch_keys(conn, [key for row, _ in rows for key in (row.record_key_id, row.key_id)])
    return [open_version(conn, vault, row, judged, known) for row, judged in rows]


def selected(
    conn: Connection,
    vault: Vault,
    model: str,
    date: dt.date | None,
    version: int | None,
    at: int | None,
    first: dt.date | None,
    last: dt.date | None,
    known: Known,
) -> list[Opened]:
    """The versions that a reader means; the arguments are those of :meth:`Warehouse.read`. At least one.

    Raises NotFound, AccessRefused, IntegrityError, and UsageError where a version is given without its date.
    """
    if version is not None:
        if date is None:
            raise UsageError(
                "a version number is given without the date of its output", fix="Add --date YYYY-MM-DD."
            )
        if at is not None:
            raise UsageError(
                "a version number and a time are given together", fix="Leave out --version or --at."
            )
        return [open_numbered(conn, vault, model, date, version, known)]
    if date is not None:
        return [open_head(conn, vault, model, date, at, known)]
    found = open_heads(conn, vault, model, first, last, at, known)
    if not found:
        raise NotFound(
            f"no output of {model} is published for these dates"
            if first or last
            else f"no output of {model} is published",
            fix=f"See which there are: kronkers outputs {model}",
        )
    return found


def open_numbered(
    conn: Connection, vault: Vault, model: str, date: dt.date, number: int, known: Known | None = None
) -> Opened:
    """A finished version by its number. Raises NotFound, AccessRefused, IntegrityError."""
    row = numbered(conn, vault, model, date, number)
    return open_version(conn, vault, row, log.lines(conn, vault, model, date), known)


def list_heads(
    conn: Connection, vault: Vault, model: str, first: dt.date | None, last: dt.date | None, at: int | None
) -> list[Head]:
    """Which version the readers of a range of dates get (both ends included; None is open), by date.

    Opens no manifest, so no grant is needed.
    """
    logs = log.lines_by_date(conn, vault, model, first, last, at)
    named = [head for judged in logs.values() if (head := log.head_of(judged))]
    numbers: dict[str, int] = {}
    for some in seen.parts(named):
        columns = output_versions.c
        query = select(columns.id, columns.number).where(columns.id.in_(some), columns.model == model)
        numbers |= {row.id: row.number for row in conn.execute(query).all()}
    heads = []
    for date, judged in logs.items():
        if head := log.head_of(judged):
            if head not in numbers:
                raise IntegrityError(
                    "the published version of this date is missing from the database",
                    where=f"{model}/{date}",
                    fix=RESTORE,
                )
            since = next(n for n in judged if n.head == head).at
            heads.append(Head(head, model, date, numbers[head], since))
    return heads


def newest_head(conn: Connection, vault: Vault, model: str) -> Head | None:
    """The head of the newest date that has one; verifies the logs of no older date."""
    log_of, before, most = output_log.c, "", 1
    while True:
        query = select(log_of.logical_date).where(log_of.model == model).distinct()
        if before:
            query = query.where(log_of.logical_date < before)
        query = query.order_by(log_of.logical_date.desc()).limit(most)
        dates = conn.execute(query).scalars().all()
        if not dates:
            return None
        # Dates without one are few: what was held or deleted. Each round looks at more of them.
        if heads := list_heads(conn, vault, model, day_of(dates[-1]), day_of(dates[0]), None):
            return heads[-1]
        before, most = dates[-1], most * 8


def head_row(
    conn: Connection, head: str, judged: Sequence[Line], known: Sequence[VersionRow] = ()
) -> VersionRow:
    """The row of the version that a verified log says is the head; looked for in ``known`` first.

    Raises IntegrityError where it is gone, or may not be the head of this date.
    """
    row = next((row for row in known if row.id == head), None) or row_of(conn, head)
    if (row.model, row.logical_date) != (judged[-1].model, judged[-1].logical_date):
        raise unfit(place_of(row), "is published under another date or model than its own")
    if not log.published(judged, head):
        raise unfit(place_of(row), "is in use though nobody published it")
    return row
