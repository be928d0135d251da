"""What killed trainings left: a sealed artifact and its keys, of which no version was ever recorded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from kronkers_batch.registry.records import artifact_path
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.ids import is_id
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault.context import Kind
from kronkers_batch.vault.vault import Vault


def sweep(db: Database, artifacts: ArtifactStore, vault: Vault, before: int) -> int:
    """Shreds and deletes what was begun before a time (microseconds) and not recorded; returns how many.

    Raises StoreError.
    """
    keys = data_keys.c
    with db.read() as conn:
        begun = conn.execute(_left(keys.kind == str(Kind.ARTIFACT), keys.created < before)).all()
    left = [row for row in begun if is_id(row.version_id) and vault.is_home(row.model, row.department)]
    for row in left:
        with db.write() as conn:
            # A training that is still at it finds its keys gone, and records nothing.
            for key in conn.execute(_left(keys.version_id == row.version_id)).all():
                vault.shred(conn, key.id)
        artifacts.delete(artifact_path(row.department, row.model, row.version_id))
    return len(left)


def _left(*conditions: Any) -> Select[tuple[Any, ...]]:
    """Keys that are there, and are of no version."""
    recorded = select(model_versions.c.id)
    return select(data_keys).where(
        data_keys.c.shredded.is_(None), data_keys.c.version_id.not_in(recorded), *conditions
    )
