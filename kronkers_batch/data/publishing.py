"""From frozen chunks to a published snapshot, all of it or nothing; what killed ingests left is removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.reference import READY, WRITING, folder, lookup, microseconds, ready
from kronkers_batch.data.window import Window
from kronkers_batch.digests import Json
from kronkers_batch.errors import NotFound
from kronkers_batch.policy import permissions
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault.context import DataKey, Kind, Scope, scope_of
from kronkers_batch.vault.manifest import Manifest, digest, seal_manifest
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    from kronkers_batch.data.freezing import Frozen

AddEntry = Callable[[Connection, Mapping[str, Json]], None]
"""Called in the publishing transaction with the details of the ledger's line."""

Tell = Callable[[Connection, str, "Frozen"], None]
"""Called last in that transaction, with the snapshot's id: writes its event."""


def no_event(_conn: Connection, _snapshot_id: str, _frozen: Frozen) -> None:
    """Writes no event."""


def _manifest(
    source: SourceSpec,
    window: Window,
    identity: str,
    snapshot_id: str,
    key: DataKey,
    frozen: Frozen,
    created: int,
) -> Manifest:
    return Manifest(
        Kind.SNAPSHOT,
        str(key.scope),
        source.name,
        snapshot_id,
        created,
        frozen.chunks,
        source.schema,
        lineage={"identity": identity, "window": window.to_json()},
        extra={
            "fingerprint": frozen.fingerprint,
            "profile": frozen.profile.to_json(),
            "results": [r.to_json() for r in frozen.results],
        },
    )


class Publisher:
    """Reserves a snapshot, publishes it, or takes it back. Opens nothing until used."""

    def __init__(self, db: Database, artifacts: ArtifactStore, vault: Vault) -> None:
        self._db, self._artifacts, self._vault = db, artifacts, vault

    def begin(
        self, source: SourceSpec, scope: Scope, window: Window, identity: str, snapshot_id: str
    ) -> DataKey:
        """Reserves the snapshot under a department's or model's key. Raises AccessRefused below operator."""
        now = clock.now()
        with self._db.write() as conn:
            permissions.require(self._vault, conn, scope, "freeze")
            key = self._vault.new_data_key(conn, scope, Kind.SNAPSHOT, snapshot_id)
            conn.execute(
                insert(table).values(
                    id=snapshot_id,
                    source=source.name,
                    department=str(scope),
                    window_start=microseconds(window.start),
                    window_end=microseconds(window.end),
                    lookup=lookup(self._vault, conn, scope, source.name, window, identity),
                    state=WRITING,
                    created=now,
                    used=now,
                    key_id=key.id,
                    signer="",
                    signer_key="",
                )
            )
        return key

    def publish(
        self,
        source: SourceSpec,
        window: Window,
        identity: str,
        snapshot_id: str,
        key: DataKey,
        frozen: Frozen,
        add_entry: AddEntry,
        *,
        lost: str = "",
        event: Tell = no_event,
    ) -> str:
        """Makes the snapshot visible, once all of its chunks are durable, with a line of the ledger.

        ``lost`` is the id of the one that it is to take the place of, since chunks of that are gone.

        Returns:
            The id of the one that is found from now on: another one, if another process was faster.

        Raises:
            NotFound: It was swept away meanwhile.
        """
        created = clock.now()
        manifest = _manifest(source, window, identity, snapshot_id, key, frozen, created)
        blob, signature = seal_manifest(self._vault, key, manifest)
        with self._db.write() as conn:
            wanted = lookup(self._vault, conn, key.scope, source.name, window, identity)
            serialise(conn, f"snapshot {wanted}")
            if (earlier := ready(conn, [wanted])[wanted]) and earlier.id != lost:
                return str(earlier.id)  # one is enough
            done = conn.execute(
                update(table)
                .where(table.c.id == snapshot_id, table.c.state == WRITING)
                .values(
                    state=READY,
                    created=created,
                    used=created,
                    manifest=blob,
                    signer=signature.principal,
                    signer_key=signature.key_id,
                    signature=signature.value,
                )
            )
            if done.rowcount != 1:
                raise NotFound(
                    "another command deleted the snapshot while this one wrote it",
                    where=f"source {source.name}",
                    fix="Run the command again.",
                )
            details: dict[str, Json] = {
                "rows": manifest.rows,
                "window": str(window),
                "snapshot": frozen.fingerprint,
            }
            add_entry(conn, {**details, "id": snapshot_id, "manifest": digest(blob)})
            event(conn, snapshot_id, frozen)
        return snapshot_id

    def undo(self, snapshot_id: str, key: DataKey, chunks: str) -> None:
        """Takes back what an ingest left: its chunks, its key and its row."""
        for path in self._artifacts.list(chunks):
            self._artifacts.delete(path)
        with self._db.write() as conn:
            self._vault.shred(conn, key.id)
            conn.execute(delete(table).where(table.c.id == snapshot_id, table.c.state == WRITING))

    def sweep(self, older_than: dt.timedelta = dt.timedelta(days=1)) -> int:
        """Removes what killed ingests left (ciphertext only); returns how many there were.

        Args:
            older_than: Younger ones may still be running and stay.
        """
        before = clock.now() - older_than // dt.timedelta(microseconds=1)
        with self._db.read() as conn:
            unfinished = select(table).where(table.c.state == WRITING, table.c.created < before)
            rows = conn.execute(unfinished).all()
        for row in rows:
            for path in self._artifacts.list(folder(scope_of(row.department), row.source, row.id)):
                self._artifacts.delete(path)
            with self._db.write() as conn:
                self._vault.shred(conn, row.key_id)
                conn.execute(delete(table).where(table.c.id == row.id, table.c.state == WRITING))
        self._artifacts.sweep(before / 1e6)
        return len(rows)
