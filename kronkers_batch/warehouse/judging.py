"""What happens to finished versions: judged anew, or deleted. Only the log says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from kronkers_batch.digests import Json
from kronkers_batch.errors import NotFound
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables.outputs import output_filters, output_pieces, output_versions
from kronkers_batch.vault.context import Kind, Scope
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import catalog, log
from kronkers_batch.warehouse.log import Line
from kronkers_batch.warehouse.opened_version import VersionRow, open_version, place_of
from kronkers_batch.warehouse.versions import IN_LEDGER, Judgement, OutputVersion, State, Tell, day_of


def judge(
    conn: Connection,
    vault: Vault,
    ledger: Ledger,
    version: OutputVersion,
    missed: tuple[str, ...],
    why: str,
    thresholds: Sequence[str],
    event: Tell,
) -> OutputVersion:
    """See :meth:`Warehouse.judge`; in a write transaction."""
    row, judged, now = _current(conn, vault, version)
    is_so = now.state is State.HELD if missed else now.head
    if is_so and now.missed == missed:
        return now
    head = log.head_of(judged)
    if missed:
        action, new_head = log.HOLD, log.last_good(judged, row.id) if head == row.id else head
    else:
        action, new_head = log.PUBLISH, row.id
    recorded = {
        **{name: now.lineage[name] for name in IN_LEDGER if name in now.lineage},
        "thresholds": list(thresholds),
    }
    result = _append(conn, vault, ledger, row, judged, action, new_head, missed, why, recorded)
    event(conn, result)
    return result


def expire(
    conn: Connection, vault: Vault, ledger: Ledger, model: str, before: dt.date, why: str
) -> list[str]:
    """See :meth:`Warehouse.expire`; in a write transaction."""
    table = output_versions.c
    query = (
        select(output_versions)
        .where(
            table.model == model,
            table.logical_date < before.isoformat(),
            table.state.in_(["finished", "writing"]),
            vault.at_home(model, table.department),
        )
        .order_by(table.logical_date, table.number)
    )
    gone = []
    for row in conn.execute(query).all():
        _delete(conn, vault, ledger, row, why)
        gone.append(f"{model}/{row.logical_date}#{row.number}")
    return gone


def history(conn: Connection, vault: Vault, model: str, date: dt.date) -> list[Judgement]:
    """See :meth:`Warehouse.history`; of a deleted version the reasons are gone with its keys."""
    result = []
    for line in log.lines(conn, vault, model, date):
        row = catalog.row_of(conn, line.version_id)
        if row.state == "deleted":
            result.append(log.without_details(line))
        else:
            result.append(log.judgement(vault, vault.data_key(conn, row.record_key_id), line))
    return result


def shred(conn: Connection, vault: Vault, ledger: Ledger, row: VersionRow, why: str) -> None:
    """See :meth:`Warehouse.shred`; in a write transaction."""
    _delete(conn, vault, ledger, row, why, "shred")


def _delete(
    conn: Connection, vault: Vault, ledger: Ledger, row: VersionRow, why: str, action: str = "expire"
) -> None:
    scope, place = Scope(row.department, row.model), place_of(row)
    serialise(conn, f"output_log:{place.name}")
    if row.state == "finished":
        judged = log.lines(conn, vault, row.model, day_of(row.logical_date))
        head = log.head_of(judged)
        key = vault.key_of(conn, row.record_key_id, scope, Kind.RECORD, row.id)
        left = log.last_good(judged, row.id) if head == row.id else head
        log.append(conn, vault, key, place, log.DELETE, left, why=why)
    conn.execute(delete(output_pieces).where(output_pieces.c.version_id == row.id))
    conn.execute(delete(output_filters).where(output_filters.c.version_id == row.id))
    conn.execute(
        update(output_versions).where(output_versions.c.id == row.id).values(state="deleted", manifest=None)
    )
    vault.shred(conn, row.key_id)
    vault.shred(conn, row.record_key_id)
    # Whether the caller may is asked with the ledger's line, in this transaction.
    add_entry(ledger, conn, vault, action, f"{place.name}#{row.number}", scope, {"why": why})


def _current(
    conn: Connection, vault: Vault, version: OutputVersion
) -> tuple[VersionRow, list[Line], OutputVersion]:
    """The version's row, its date's log, and the version as it is now, all under the log's lock."""
    serialise(conn, f"output_log:{version.model}/{version.date}")
    permissions.require(vault, conn, Scope(version.department, version.model), "publish")
    row = catalog.row_of(conn, version.id)
    if row.state != "finished":
        raise NotFound(
            f"{version.ref} was deleted", fix=f"See which there are: kronkers outputs {version.model}"
        )
    judged = log.lines(conn, vault, version.model, version.date)
    return row, judged, open_version(conn, vault, row, judged).version


def _append(
    conn: Connection,
    vault: Vault,
    ledger: Ledger,
    row: VersionRow,
    judged: Sequence[Line],
    action: str,
    head: str,
    missed: tuple[str, ...],
    why: str,
    recorded: Mapping[str, Json],
) -> OutputVersion:
    place = place_of(row)
    scope = Scope(row.department, row.model)
    key = vault.key_of(conn, row.record_key_id, scope, Kind.RECORD, row.id)
    line = log.append(conn, vault, key, place, action, head, missed=missed, why=why)
    details = {**recorded, "missed": list(missed), "why": why, "fingerprint": row.fingerprint}
    add_entry(ledger, conn, vault, action, f"{place.name}#{row.number}", scope, details)
    return open_version(conn, vault, row, [*judged, line]).version
