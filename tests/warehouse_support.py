"""A warehouse and a registry to test with: real database, real keys, two departments."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kronkers_batch.access.setup import initialise, make_ledger, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.registry.registry import Registry
from kronkers_batch.registry.training import Golden, Training
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.vault import grants, keyfile, pin
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse.warehouse import Warehouse

DAY = dt.date(2013, 6, 1)
NEXT = dt.date(2013, 6, 2)
SCHEMA = Schema(
    (
        Column("flight", ColumnType.INTEGER),
        Column("origin", ColumnType.STRING),
        Column("score", ColumnType.FLOAT),
    )
)
KEY = ("flight", "origin")
DEPARTMENTS = ["ops", "fleet"]


@dataclass
class Office:
    """One warehouse as one person sees it."""

    root: Path
    db: Database
    vault: Vault
    warehouse: Warehouse
    registry: Registry

    @classmethod
    def make(cls, root: Path) -> "Office":
        db = _database(root)
        db.migrate()
        initialise(db, root / "keys" / "me.key", DEPARTMENTS)
        return cls.open(root)

    @classmethod
    def open(cls, root: Path, name: str = "me") -> "Office":
        db = _database(root)
        vault = open_vault(db, root / "keys" / f"{name}.key")
        ledger = make_ledger(db, vault)
        artifacts = ArtifactStore(str(root / "artifacts"))
        return cls(root, db, vault, Warehouse(db, vault, ledger), Registry(db, artifacts, vault, ledger))

    def member(self, name: str, scope: Scope | None, role: Role | None = None) -> "Office":
        """The warehouse as a new principal sees it."""
        identity = Identity.generate(name)
        keyfile.create(self.root / "keys" / f"{name}.key", identity)
        shown = pin.from_text(pin.to_text(name, identity.id, identity.public))
        with self.db.write() as conn:
            self.vault.trust.add_principal(conn, self.vault.identity, shown[1], shown[0], shown[2])
            if scope and role:
                grants.grant(self.vault.ring, conn, name, scope, role)
        return Office.open(self.root, name)

    def begin(self, date: dt.date = DAY, fingerprint: str = "a", model: str = "late"):
        return self.warehouse.begin(model, "ops", date, fingerprint, SCHEMA, KEY)

    def publish(self, date=DAY, fingerprint="a", model="late", *, chunks=3, rows=100, start=0, missed=()):
        """One finished version; scores are the row numbers from ``start``."""
        writer = self.begin(date, fingerprint, model)
        for number in range(chunks):
            writer.put(number, frame(rows, start + number * rows))
        return writer.finish({"model_version": f"{model}@1"}, {"rows": chunks * rows}, tuple(missed))

    def rows(self, model="late", **selection) -> pl.DataFrame:
        return pl.concat(self.warehouse.rows.read(model, **selection))


def frame(rows: int, start: int = 0) -> pl.DataFrame:
    numbers = range(start, start + rows)
    return pl.DataFrame(
        {
            "flight": list(numbers),
            "origin": [("EWR", "JFK", "LGA")[n % 3] for n in numbers],
            "score": [float(n) for n in numbers],
        },
        schema={"flight": pl.Int64, "origin": pl.String, "score": pl.Float64},
    )


def training(**changes: object) -> Training:
    fields = {
        "model": "late",
        "department": "ops",
        "logical_date": DAY,
        "window": {"start": "2013-01-01T00:00:00Z", "end": "2013-06-01T00:00:00Z"},
        "fingerprint": "f" * 64,
        "definition": {"params.depth": 3},
        "definition_fingerprint": "d" * 64,
        "fingerprints": {"code": "c" * 64},
        "snapshot_id": "s1",
        "metrics": {"auc": 0.7},
        "naive": 0.25,
        "parameters": {"depth": 3},
        "rows": {"fit": 100, "holdout": 20},
        "features": Schema(
            (Column("distance", ColumnType.FLOAT), Column("origin", ColumnType.CATEGORY, ("EWR", "JFK")))
        ),
        "target": "late",
        "golden": pl.DataFrame({"distance": [1.5], "origin": ["EWR"], "score:score": [0.5]}),
        "runtime": {"language": "python", "version": "3.11"},
        "overrides": (),
        "verdict": (),
        "why": "first",
        "run_id": "r1",
    }
    told = {**fields, **changes}
    return Training(**{**told, "golden": Golden.of(told["golden"])})  # type: ignore[arg-type]


def _database(root: Path) -> Database:
    return Database(Secret(f"sqlite:///{root}/wh/x.db"), wait=2)
