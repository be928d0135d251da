"""What there is of many dates of many models: finished versions, and what readers get.

The number of statements does not depend on how many dates are asked for, nor on how long the history is. What
is wrong with one date's rows is that date's answer and stops no other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kronkers_batch.errors import KronkersError
from kronkers_batch.store import questions, seen
from kronkers_batch.store.tables.outputs import output_versions as table
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, log
from kronkers_batch.warehouse.log import Line
from kronkers_batch.warehouse.opened_version import VersionRow, open_version
from kronkers_batch.warehouse.versions import OutputVersion

Day = tuple[str, dt.date]
"""A model's name and a logical date."""


@dataclass(frozen=True)
class DateStanding:
    """What there is of one logical date, verified: finished versions by number, and what readers get."""

    versions: tuple[OutputVersion, ...]
    head: OutputVersion | None


def standings(
    conn: Connection, vault: Vault, asked: Sequence[Day]
) -> dict[Day, DateStanding | KronkersError]:
    """See :meth:`Warehouse.standings`."""
    logs, rows = log.logs(conn, vault, asked), finished(conn, vault, asked)
    vault.fetch_keys(
        conn, [row.record_key_id for found in rows.values() if isinstance(found, list) for row in found]
    )
    result: dict[Day, DateStanding | KronkersError] = {}
    for day in asked:
        judged, found = logs[day], rows[day]
        try:
            if isinstance(judged, KronkersError):
                raise judged
            if isinstance(found, KronkersError):
                raise found
            result[day] = _standing(conn, vault, found, judged)
        except KronkersError as error:
            result[day] = error
    return result


def finished(
    conn: Connection, vault: Vault, asked: Sequence[Day]
) -> dict[Day, list[VersionRow] | KronkersError]:
    """The rows of dates' finished versions by number, by one statement; without other departments'."""

    def ask(some: Sequence[Day]) -> dict[Day, list[VersionRow]]:
        names = ((model, date.isoformat()) for model, date in some)
        days = questions.asked(conn, questions.texts("model", "logical_date"), names)
        query = select(table).join(
            days, (table.c.model == days.c.model) & (table.c.logical_date == days.c.logical_date)
        )
        found: dict[Day, list[VersionRow]] = {day: [] for day in some}
        for row in conn.execute(query.where(table.c.state == "finished").order_by(table.c.number)).all():
            if vault.is_home(row.model, row.department):
                found[row.model, dt.date.fromisoformat(row.logical_date)].append(row)
        return found

    return seen.for_each(conn, asked, ask)


def _standing(
    conn: Connection, vault: Vault, rows: Sequence[VersionRow], judged: Sequence[Line]
) -> DateStanding:
    versions = {row.id: open_version(conn, vault, row, judged).version for row in rows}
    head = None
    if named := log.head_of(judged):
        row = catalog.head_row(conn, named, judged, rows)
        head = versions.get(row.id) or open_version(conn, vault, row, judged).version
    return DateStanding(tuple(versions.values()), head)
