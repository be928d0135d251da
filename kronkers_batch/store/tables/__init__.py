"""Every table of the database, one module a room; ``metadata`` holds them all."""

from kronkers_batch.store.tables import ledger, outputs, registry, runs, signing, snapshots, vault
from kronkers_batch.store.tables.base import clear, metadata, sealed

__all__ = [
    "clear",
    "ledger",
    "metadata",
    "outputs",
    "registry",
    "runs",
    "sealed",
    "signing",
    "snapshots",
    "vault",
]
