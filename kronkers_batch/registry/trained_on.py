"""Which snapshots versions were trained on: those of versions that are, or were, champion are kept.

Which snapshot it is stands in each version's signed manifest, and beside it in clear, so that who may not see
a version of another department still keeps what it was trained on. Whoever opens the version compares both.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, exists, select, update

from kronkers_batch.errors import KronkersError
from kronkers_batch.registry import records
from kronkers_batch.registry.records import VersionRow
from kronkers_batch.store import clock
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.registry import champions, model_versions
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.vault.vault import Vault

_READY = model_versions.c.state == "ready"
_PROMOTED = exists().where(
    champions.c.model == model_versions.c.model, champions.c.version_id == model_versions.c.id
)


def needed(snapshot_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a version was trained on this snapshot, is still there, and was ever promoted."""
    return exists().where(and_(model_versions.c.snapshot_id == snapshot_id, _READY, _PROMOTED))


def release(conn: Connection, snapshot_id: str | None) -> None:
    """Counts from now how long a snapshot is not used: a version that may have needed it is deleted."""
    if snapshot_id:
        used = snapshots.c.used < (now := clock.now())
        conn.execute(update(snapshots).where(snapshots.c.id == snapshot_id, used).values(used=now))


def learn(db: Database, vault: Vault) -> VersionRow | None:
    """Writes down the snapshots of versions that an older release promoted, as far as the caller may see.

    Returns the newest one of which that is sealed for others; None where there is none. Raises StoreError.
    """
    unknown = select(model_versions).where(model_versions.c.snapshot_id.is_(None), _READY, _PROMOTED)
    found: dict[str, str] = {}
    sealed: VersionRow | None = None
    with db.read() as conn:
        for row in conn.execute(unknown.order_by(model_versions.c.created)).all():
            try:
                found[row.id] = str(records.verified(conn, vault, row).lineage["snapshot"])
            except KronkersError:
                sealed = row
    if found:
        with db.write() as conn:
            for version_id, snapshot_id in found.items():
                same = (model_versions.c.id == version_id, model_versions.c.snapshot_id.is_(None))
                conn.execute(update(model_versions).where(*same).values(snapshot_id=snapshot_id))
    return sealed
