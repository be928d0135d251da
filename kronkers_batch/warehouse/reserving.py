"""Reserving an output version for one writer, or taking over an unfinished one: the fencing token."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from kronkers_batch.errors import IntegrityError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.store import clock
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.outputs import output_pieces, output_versions
from kronkers_batch.vault import rights, sealing
from kronkers_batch.vault.context import DataKey, Kind, Scope
from kronkers_batch.vault.manifest import digest
from kronkers_batch.vault.notes import note
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import log
from kronkers_batch.warehouse.pieces import Entry, Place
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
        rights.require(parts.vault, conn, scope, "publish")
        serialise(conn, f"output_versions:{model}/{date}")
        found = _unfinished(conn, department, model, date, fingerprint)
        taken = _take_over(parts.vault, conn, found) if found else None
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

    def record(conn: Connection, action: str, ref: str, details: Mapping[str, Any]) -> None:
        note(parts.ledger, conn, parts.vault, action, ref, scope, details)

    return OutputWriter(parts.db, parts.vault, reserved, landed, record)


Taken = tuple[Place, int, int, int, DataKey, DataKey]
"""Place, number, token, moment of reserving, data key, record key: the first fields of a reservation."""


def _unfinished(
    conn: Connection, department: str, model: str, date: dt.date, fingerprint: str
) -> Row[tuple[object, ...]] | None:
    table = output_versions.c
    query = (
        select(output_versions)
        .where(
            table.model == model,
            table.department == department,
            table.logical_date == date.isoformat(),
            table.fingerprint == fingerprint,
            table.state == "writing",
        )
        .order_by(table.number.desc())
        .limit(1)
    )
    return conn.execute(query).one_or_none()


def _take_over(vault: Vault, conn: Connection, row: Row[tuple[object, ...]]) -> Taken | None:
    """The unfinished version, or None where it was begun under keys that are not in use any more.

    Somebody who was revoked meanwhile may have kept its data key: nothing more is written under that one.
    """
    # From now on the older writer's token is refused, whatever it still tries.
    conn.execute(
        update(output_versions)
        .where(output_versions.c.id == row.id)
        .values(token=output_versions.c.token + 1)
    )
    place = Place(row.department, row.model, row.logical_date, row.id)
    keys = vault.data_key(conn, row.key_id), vault.data_key(conn, row.record_key_id)
    if not hmac.compare_digest(row.signature or b"", _begun(vault, conn, place, *keys)):
        return None
    return (place, row.number, row.token + 1, row.created, *keys)


def _begun(vault: Vault, conn: Connection, place: Place, data_key: DataKey, record_key: DataKey) -> bytes:
    """What stands in the signature's place until there is one: the keys are of the scope's key in use."""
    scope = Scope(place.department, place.model)
    checks = (sealing.key_check(key.key) for key in (data_key, record_key))
    return vault.seal_of_use(conn, scope, "reservation", place.version_id, place.date, *checks)


def _reserve(vault: Vault, conn: Connection, scope: Scope, date: dt.date, fingerprint: str) -> Taken:
    table, version_id, created = output_versions.c, new_id(), clock.now()
    place = Place(scope.department, scope.model, date.isoformat(), version_id)
    last = conn.execute(
        select(func.max(table.number)).where(table.model == scope.model, table.logical_date == place.date)
    ).scalar()
    number = (last or 0) + 1
    data_key = vault.new_data_key(conn, scope, Kind.OUTPUT, version_id)
    record_key = vault.new_data_key(conn, scope, Kind.RECORD, version_id)
    conn.execute(
        insert(output_versions).values(
            id=version_id,
            model=scope.model,
            department=scope.department,
            logical_date=place.date,
            number=number,
            fingerprint=fingerprint,
            state="writing",
            token=1,
            created=created,
            key_id=data_key.id,
            record_key_id=record_key.id,
            signer="",
            signer_key="",
            signature=_begun(vault, conn, place, data_key, record_key),
        )
    )
    return place, number, 1, created, data_key, record_key


def _landed(parts: Parts, reserved: Reservation) -> dict[int, Entry]:
    """The landed pieces that are what their entry says; others are computed and written again.

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
                context = place.piece(row.number, entry.rows, schema)
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
