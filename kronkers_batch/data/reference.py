"""What a frozen snapshot is called: its reference, its row in the database, and the folder of its chunks."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Select, String, func, select

from kronkers_batch.data.findings import CheckResult
from kronkers_batch.data.profile import Profile
from kronkers_batch.data.window import Window
from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError, NotFound
from kronkers_batch.frames.schema import Schema
from kronkers_batch.store import clock, questions
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault.context import DataKey, Kind, Scope, Signature, scope_of
from kronkers_batch.vault.manifest import Manifest, open_manifest
from kronkers_batch.vault.sealing import RESTORE
from kronkers_batch.vault.vault import Vault

WRITING, READY, EXPIRED = "writing", "ready", "expired"
_FOLDER = "snapshots"


@dataclass(frozen=True)
class SnapshotRef:
    """A frozen snapshot; read its rows with ``Snapshots.read``.

    ``scope`` is the department, or the one model, under whose key it is frozen and whose operators may have
    signed it. ``identity`` is the source's cheap identity when it was read, ``fingerprint`` the digest of its
    contents, ``results`` those of all checks, and of a query's inputs what warned or dropped rows,
    ``created`` microseconds since the epoch.
    """

    id: str
    source: str
    scope: Scope
    window: Window
    identity: str
    rows: int
    fingerprint: str
    schema: Schema
    profile: Profile
    results: tuple[CheckResult, ...]
    created: int


@dataclass(frozen=True)
class Wanted:
    """What a snapshot is looked for by; the fields are as in :meth:`Snapshots.find`."""

    source: str
    window: Window
    identity: str
    scopes: tuple[Scope, ...]


def reference(manifest: Manifest) -> SnapshotRef:
    """The reference that a verified manifest is of."""
    return SnapshotRef(
        id=manifest.version_id,
        source=manifest.name,
        scope=scope_of(manifest.department),
        window=Window.from_json(manifest.lineage["window"]),
        identity=manifest.lineage["identity"],
        rows=manifest.rows,
        fingerprint=manifest.extra["fingerprint"],
        schema=manifest.schema,
        profile=Profile.from_json(manifest.extra["profile"]),
        results=tuple(CheckResult.from_json(r) for r in manifest.extra["results"]),
        created=manifest.created,
    )


def verified(conn: Connection, vault: Vault, row: StoredRow, key: DataKey) -> Manifest:
    """A published snapshot's manifest. Raises IntegrityError."""
    signature = Signature(row.signer, row.signer_key, row.signature)
    expected = (Kind.SNAPSHOT, row.department, row.source, row.id)
    return open_manifest(vault, conn, key, *expected, row.manifest, signature)


def lookup(vault: Vault, conn: Connection, scope: Scope, source: str, window: Window, identity: str) -> str:
    """What a snapshot is found by. Keyed: the digest alone would confirm a guess of paths and sizes."""
    key = vault.filter_key(conn, scope)
    start, end = (v or "" for v in window.to_json().values())
    fields = encode("kronkers-batch snapshot lookup 1", str(scope), source, start, end, identity)
    return hmac.digest(key, fields, "sha256").hex()


def lookups(vault: Vault, conn: Connection, wanted: Wanted) -> dict[Scope, str | KronkersError]:
    """What the snapshots of this are found by, for each scope under which there may be some."""
    found: dict[Scope, str | KronkersError] = {}
    for scope in wanted.scopes:
        try:
            found[scope] = lookup(vault, conn, scope, wanted.source, wanted.window, wanted.identity)
        except (NotFound, AccessRefused):
            continue  # nothing was frozen under it yet, or the caller has no key of it
        except IntegrityError as error:
            found[scope] = error
    return found


def ready(conn: Connection, wanted: Sequence[str]) -> dict[str, StoredRow | None]:
    """The published snapshot that is found by each of these; the newest, where chunks were lost."""
    found: dict[str, StoredRow | None] = dict.fromkeys(wanted)
    query = select(table).where(table.c.lookup.in_(wanted), table.c.state == READY)
    for row in conn.execute(query.order_by(table.c.created, table.c.id)).all():
        found[row.lookup] = row
    return found


_OPEN = -(2**62)  # no time: what an open end of a window is compared as


def earlier(conn: Connection, asked: Sequence[Wanted]) -> Select[tuple[str, str, int | None, int | None]]:
    """The windows among these that are published, of whichever identity: source, whose key, start and end."""
    columns = {"source": String, "first": BigInteger, "last": BigInteger}
    limits = [(microseconds(each.window.start), microseconds(each.window.end)) for each in asked]
    data = [
        (each.source, _OPEN if start is None else start, _OPEN if end is None else end)
        for each, (start, end) in zip(asked, limits, strict=True)
    ]
    windows = questions.asked(conn, columns, data)
    same = (
        (table.c.source == windows.c.source)
        & (func.coalesce(table.c.window_start, _OPEN) == windows.c.first)
        & (func.coalesce(table.c.window_end, _OPEN) == windows.c.last)
    )
    shown = (table.c.source, table.c.department, table.c.window_start, table.c.window_end)
    return select(*shown).distinct().join(windows, same).where(table.c.state == READY)


def folder(scope: Scope, source: str, snapshot_id: str) -> str:
    """Where the chunks lie in the artifact store."""
    return f"{_FOLDER}/{scope}/{source}/{snapshot_id}"


def microseconds(timestamp: dt.datetime | None) -> int | None:
    """A window's limit as the database holds it; None is open."""
    return None if timestamp is None else clock.from_datetime(timestamp)


def compare(found: SnapshotRef, source: str, window: Window, identity: str, scope: Scope) -> None:
    """What a snapshot is found by is a column like any other; only the manifest is signed."""
    if (found.source, found.window, found.identity, found.scope) != (source, window, identity, scope):
        raise IntegrityError(
            "the database has another snapshot in the place of the one that was asked for",
            where=f"source {source}",
            fix=RESTORE,
        )
