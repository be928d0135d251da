"""Checkpoints of the ledger outside the database: written when a run ends, compared when one begins."""

from __future__ import annotations

from kronkers_batch.errors import StoreError
from kronkers_batch.ledger import checkpoints
from kronkers_batch.steps.services import Services
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.vault.ledger_keys import LedgerKeys


def write(services: Services) -> None:
    """Verifies what the ledger gained since the newest checkpoint, and writes the next one.

    Nothing where ``warehouse.checkpoints`` is empty. Raises IntegrityError, StoreError.
    """
    store = _store(services)
    if store is None:
        return
    try:
        checkpoints.write(services.db, services.ledger, LedgerKeys(services.vault), store)
    except StoreError as error:
        raise StoreError(
            f"what was done is kept, but no checkpoint of the ledger was written: {error.what}",
            where=f"warehouse.checkpoints, {error.where}",
            fix=f"{error.fix}\n     Until one is written, an older database put in its place shows less.",
        ) from error


def compare(services: Services) -> None:
    """Raises IntegrityError where the database is older than the newest checkpoint, or another one."""
    store = _store(services)
    if store is not None:
        checkpoints.newest(services.db, LedgerKeys(services.vault), store)


def verify(services: Services) -> int:
    """Compares every checkpoint; returns how many there are. Raises IntegrityError, StoreError."""
    store = _store(services)
    return 0 if store is None else checkpoints.verify(services.db, LedgerKeys(services.vault), store)


def _store(services: Services) -> ArtifactStore | None:
    address = services.config.warehouse.checkpoints
    return ArtifactStore(address) if address else None
