"""Reserving an output version for one writer, or taking over an unfinished one: the fencing token."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound, Stale
from kronkers_batch.frames.schema import Schema
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.store import clock
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.shapes import Cell, StoredRow
from kronkers_batch.store.tables.outputs import output_pieces, output_versions
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import DataKey, Kind, Scope
from kronkers_batch.vault.manifest import digest
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import log
from kronkers_batch.warehouse.output_chunks import Entry, Place
from kronkers_batch.warehouse.writer import OutputWriter, Reservation


@dataclass(frozen=True)
class Parts:
    """What a writer works with."""

    db: Database
    vault: Vault
    ledger: Ledger


def begin(
    parts: Parts,
    model: str,
    department: str,
    date: dt.date,
    fingerprint: str,
    schema: Schema,
    key: tuple[str, ...],
) -> OutputWriter:
    """See :meth:`Warehouse.begin`."""
    scope = Scope(department, model)
    with parts.db.write() as conn:
        permissions.require(parts.vault, conn, scope, "publish")
        serialise(conn, f"output_versions:{model}/{date}")
        _refuse_finished(conn, department, model, date, fingerprint)
        found = _newest(conn, department, model, date, fingerprint, "writing")
        ours = found is not None and _is_ours(parts.vault, conn, found)
        taken = _take_over(parts.vault, conn, found) if found and ours else None
        reserved = Reservation(
            *(taken or _reserve(parts.vault, conn, scope, date, fingerprint)),
            log_length=len(log.lines(conn, parts.vault, model, date)),
            fingerprint=fingerprint,
            schema=schema,
            key=key,
            filter_key=parts.vault.filter_key(conn, scope) if key else b"",
        )
    # Outside of the transaction: nobody else may write under our token, and this reads every landed byte.
    landed = _landed(parts, reserved) if taken else {}

    def record(conn: Connection, action: str, ref: str, details: Mapping[str, object]) -> None:
        add_entry(parts.ledger, conn, parts.vault, action, ref, scope, details)

    return OutputWriter(parts.db, parts.vault, reserved, landed, record)


Taken = tuple[Place, int, int, int, DataKey, DataKey]
"""Place, number, token, time of reserving, data key, record key: the first fields of a reservation."""


def _refuse_finished(conn: Connection, department: str, model: str, date: dt.date, fingerprint: str) -> None:
    """What is there is not made again: whoever asked whether it is may have asked too early."""
    if (found := _newest(conn, department, model, date, fingerprint, "finished")) is not None:
        raise Stale(
            "another run made this output meanwhile",
            where=f"{model}/{date}#{found.number}",
            fix="Nothing to do: the other output has the same model version and the same data.",
        )


def _newest(
    conn: Connection, department: str, model: str, date: dt.date, fingerprint: str, state: str
) -> StoredRow | None:
    table = output_versions.c
    query = (
        select(output_versions)
        .where(
            table.model == model,
            table.department == department,
            table.logical_date == date.isoformat(),
            table.fingerprint == fingerprint,
            table.state == state,
        )
        .order_by(table.number.desc())
        .limit(1)
    )
    return conn.execute(query).one_or_none()


def _take_over(vault: Vault, conn: Connection, row: StoredRow) -> Taken:
    # From now on the older writer's token is refused, whatever it still tries.
    conn.execute(
        update(output_versions)
        .where(output_versions.c.id == row.id)
        .values(token=output_versions.c.token + 1)
    )
    place = Place(row.department, row.model, row.logical_date, row.id)
    return (place, row.number, row.token + 1, row.created, *_keys(vault, conn, row))


def _keys(vault: Vault, conn: Connection, row: StoredRow) -> tuple[DataKey, DataKey]:
    scope = Scope(row.department, row.model)
    return (
        vault.key_of(conn, row.key_id, scope, Kind.OUTPUT, row.id),
        vault.key_of(conn, row.record_key_id, scope, Kind.RECORD, row.id),
    )


def _is_ours(vault: Vault, conn: Connection, row: StoredRow) -> bool:
    """Whether somebody with the key in use reserved just this.

    What is written from now on lies under its keys. Somebody revoked may have kept them, and who can write to
    the database could put in a row that names keys of their own.
    """
    try:
        keys = _keys(vault, conn, row)
    except (AccessRefused, IntegrityError, NotFound):
        return False
    wanted = _mark(vault, conn, dict(row._mapping), keys)
    return row.signature is not None and hmac.compare_digest(row.signature, wanted)


def _mark(vault: Vault, conn: Connection, row: Mapping[str, Cell], keys: Sequence[DataKey]) -> bytes:
    """Of all that a rerun takes from the row: its number and time too, which end in what it signs."""
    checks = (sealing.key_check(key.key) for key in keys)
    names = ("logical_date", "number", "created", "fingerprint", "id")
    statement = encode("kronkers-batch reservation 2", *(row[name] for name in names), *checks)
    return vault.mark(conn, Scope(str(row["department"]), str(row["model"])), statement)


def _reserve(vault: Vault, conn: Connection, scope: Scope, date: dt.date, fingerprint: str) -> Taken:
    table, version_id, created = output_versions.c, new_id(), clock.now()
    place = Place(scope.department, scope.model, date.isoformat(), version_id)
    last = conn.execute(
        select(func.max(table.number)).where(table.model == scope.model, table.logical_date == place.date)
    ).scalar()
    number = (last or 0) + 1
    data_key = vault.new_data_key(conn, scope, Kind.OUTPUT, version_id)
    record_key = vault.new_data_key(conn, scope, Kind.RECORD, version_id)
    row: dict[str, Cell] = {
        "id": version_id,
        "model": scope.model,
        "department": scope.department,
        "logical_date": place.date,
        "number": number,
        "fingerprint": fingerprint,
        "state": "writing",
        "token": 1,
        "created": created,
        "key_id": data_key.id,
        "record_key_id": record_key.id,
        "signer": "",
        "signer_key": "",
    }
    row["signature"] = _mark(vault, conn, row, (data_key, record_key))
    conn.execute(insert(output_versions).values(**row))
    return place, number, 1, created, data_key, record_key


def _landed(parts: Parts, reserved: Reservation) -> dict[int, Entry]:
    """The landed chunks that are what their entry says; others are computed and written again.

    Until the manifest is signed, whoever may read holds the key that both are sealed with. So an entry's
    digest of the contents is compared with the contents: what somebody else made must not be signed as ours.
    """
    table, place = output_pieces.c, reserved.place
    schema, landed = reserved.schema.digest(), {}
    with parts.db.read() as conn:
        query = select(output_pieces).where(table.version_id == place.version_id).order_by(table.number)
        for row in conn.execute(query.execution_options(yield_per=8)):
            try:
                raw = parts.vault.unseal(reserved.data_key, place.entry(row.number), row.entry)
                entry = Entry.from_bytes(raw)
                context = place.chunk(row.number, entry.rows, schema)
                plain = parts.vault.unseal(reserved.data_key, context, row.data)
            except IntegrityError:
                continue
            if (entry.schema, entry.digest, entry.content) == (
                schema,
                digest(row.data),
                digest(plain),
            ):
                landed[row.number] = entry
    return landed
