"""A database that is empty, or another one, where a warehouse was: it is never taken for a new installation.

Keys lie with people and artifacts beside the database, so a new warehouse in the place of a lost one would
look like a first night, and the old one's data would stay closed until somebody wonders.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from kronkers_batch.config import account, signing
from kronkers_batch.config.root_spec import Config
from kronkers_batch.errors import IntegrityError
from kronkers_batch.ledger import checkpoints
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.vault import recovery
from kronkers_batch.vault.pin import every
from kronkers_batch.vault.vault import Vault

_RESTORE = (
    "If warehouse.url is not the address of your database, correct it, in conf/ or in the override. "
    "Otherwise somebody deleted, emptied or replaced the database: restore the newest backup of it. To give "
    "up all former outputs and models and start with new keys: "
)


def refuse(config: Config, db: Database) -> None:
    """Raises IntegrityError where something says that a warehouse was at the place of an empty database."""
    if said := "; ".join(_signs(config, db)):
        command = shlex.join(["kronkers", "plan", "--new-warehouse", *config.overrides])
        raise IntegrityError(f"the database is empty, and {said}", where=db.where, fix=_RESTORE + command)


def _signs(config: Config, db: Database) -> Iterator[str]:
    """What says that there was a warehouse, in words."""
    address = config.warehouse.checkpoints
    if address and (found := checkpoints.warehouses(ArtifactStore(address))):
        yield f"there are checkpoints of the warehouse {', '.join(found)} in {address}"
    artifacts = ArtifactStore(config.warehouse.artifacts)
    if any(artifacts.list(folder) for folder in ("artifacts", "snapshots")):
        yield f"there are files of a warehouse in {config.warehouse.artifacts}"
    here = signing.address(config.warehouse.url)
    trusted = account.trust_file(config.key_file, os.environ)
    pins = every(trusted) if trusted.exists() else []
    never = recovery.unfinished(config.key_file, db.where)
    if known := [pin.warehouse for pin in pins if pin.address == here and pin.warehouse not in never]:
        yield f"{trusted} knows the warehouse {', '.join(known)} at this address"


def refuse_foreign(config: Config, db: Database, vault: Vault) -> None:
    """Raises IntegrityError where the database is another warehouse's that this machine trusts too.

    It was made at another address, and the checkpoints here are all of others.
    """
    pinned = vault.trust.pin
    if not config.warehouse.checkpoints or pinned.address in ("", signing.address(config.warehouse.url)):
        return
    found = checkpoints.warehouses(ArtifactStore(config.warehouse.checkpoints))
    if found and pinned.warehouse not in found:
        raise IntegrityError(
            f"the database belongs to the warehouse {pinned.warehouse}, and the checkpoints belong to "
            f"{', '.join(found)}",
            where=db.where,
            fix="Check warehouse.url and warehouse.checkpoints: one of them is the address of another "
            "warehouse. If somebody replaced the database, restore its newest backup.",
        )
