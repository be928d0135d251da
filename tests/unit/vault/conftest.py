"""A warehouse with two departments, and ways to let more people in."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from kronkers_batch.access.setup import FirstRun, initialise, open_vault
from kronkers_batch.store.engine import Database
from kronkers_batch.vault import grants, keyfile, pin
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.vault import Vault
from tests import migrated

SALES, CHURN = Scope("sales"), Scope("sales", "churn")


@dataclass
class Warehouse:
    root: Path
    db: Database
    first: FirstRun
    admin: Vault

    def enrol(self, name: str) -> Path:
        """Adds a principal without grants; returns its key file."""
        identity = Identity.generate(name)
        path = self.root / "keys" / f"{name}.key"
        keyfile.create(path, identity)
        shown = pin.from_text(pin.to_text(name, identity.id, identity.public))
        with self.db.write() as conn:
            self.admin.trust.add_principal(conn, self.admin.identity, shown[1], shown[0], shown[2])
        return path

    def grant(self, name: str, scope: Scope, role: Role) -> None:
        with self.db.write() as conn:
            grants.grant(self.admin.ring, conn, name, scope, role)

    def member(self, name: str, scope: Scope, role: Role) -> Vault:
        path = self.enrol(name)
        self.grant(name, scope, role)
        return open_vault(self.db, path)

    def again(self, name: str) -> Vault:
        """The same person in a new process: nothing remembered."""
        path = self.first.key_file if name == "admin" else self.root / "keys" / f"{name}.key"
        return open_vault(self.db, path)


@pytest.fixture
def wh(tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    db = migrated.database(tmp_path / "wh/x.db", wait=2)
    first = initialise(db, tmp_path / "keys" / "me.key", ["sales", "ops"])
    return Warehouse(tmp_path, db, first, open_vault(db, first.key_file))
