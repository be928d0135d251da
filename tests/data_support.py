"""What the tests of data share: short ways to declare sources and checks, and a real store to freeze into."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from kronkers_batch.access.setup import initialise, open_vault
from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import (
    CheckSpec,
    OnFailure,
    Origin,
    SourceSpec,
)
from kronkers_batch.data import sources
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.data.sources import database_rows
from kronkers_batch.data.window import Window
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.vault.context import Scope
from tests import migrated

ALL = Window(None, None)
PLACES = Places.machine()
MARKER = "PLANTED-7f3a9c"  # a value that must never be found on a disk or in a message


def day(text: str, days: int = 1) -> Window:
    start = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return Window(start, start + dt.timedelta(days=days))


def schema(**columns: str) -> Schema:
    return Schema(tuple(Column(name, ColumnType(kind)) for name, kind in columns.items()))


def source(kind: str, columns: Schema, **fields: Any) -> SourceSpec:
    name = fields.pop("name", "things")
    defaults: dict[str, Any] = {
        "department": "operations",
        "description": "",
        "key": (),
        "time_column": "",
        "checks": (),
        "shared_with": (),
        "origin": Origin(f"conf/source/{name}.yaml", 1, ""),
    }
    for field in ("path",):
        if field in fields:
            fields[field] = str(fields[field])
    return SourceSpec(name=name, kind=kind, schema=columns, **{**defaults, **fields})


def check(
    kind: str, *columns: str, action: str = "fail", up_to: float = 0.0, line: int = 9, **arguments: Any
) -> CheckSpec:
    origin = Origin("conf/source/things.yaml", line, "checks.0")
    return CheckSpec(kind, columns, arguments, OnFailure(action), up_to, origin)


def frames(
    spec: SourceSpec,
    window: Window = ALL,
    others: Mapping[str, SourceSpec] | None = None,
    outputs: Any = None,
    chunk_rows: int = 1000,
) -> list[pl.DataFrame]:
    return list(
        sources.read(spec, window, outputs, sources=others or {}, places=PLACES, chunk_rows=chunk_rows)
    )


def rows(spec: SourceSpec, window: Window = ALL, **more: Any) -> list[tuple[Any, ...]]:
    return [row for frame in frames(spec, window, **more) for row in frame.rows()]


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def unnoted(_connection: object, _told: object) -> None:
    """For stores without a ledger: what it is told of a snapshot is looked at in tests/e2e."""


class Store:
    """A real database, artifact folder and vault under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o700, parents=True)
        (folder / "warehouse").mkdir(mode=0o700)
        self.db = migrated.database(folder / "warehouse/kronkers.db")
        initialise(self.db, self.keys / "me.key", ["operations", "planning"])
        self.artifacts = ArtifactStore(str(folder / "artifacts"))
        self.vault = open_vault(self.db, self.keys / "me.key")
        self.snapshots = Snapshots(self.db, self.artifacts, self.vault)

    def ingest(self, spec: SourceSpec, window: Window = ALL, identity: str = "i1", **more: Any) -> Any:
        options = {
            "sources": {},
            "places": PLACES,
            "chunk_rows": 1000,
            "piece_rows": 250,
            "add_entry": unnoted,
            "scope": Scope(spec.department),
            **more,
        }
        return self.snapshots.ingest(spec, window, identity, None, **options)

    def find(self, identity: str = "i1", *scopes: Scope) -> Any:
        return self.snapshots.find("things", ALL, identity, scopes or [Scope("operations")])

    def files(self) -> Iterator[Path]:
        return (f for f in self.folder.rglob("*") if f.is_file())


def holds(folder: Path, text: str) -> list[Path]:
    """The files under a folder that hold a text, in UTF-8 or UTF-16."""
    wanted = (text.encode(), text.encode("utf-16-le"))
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            raw = file.read_bytes()
            if any(w in raw for w in wanted):
                found.append(file)
    return found


def watermark(spec: SourceSpec, window: Window = ALL) -> str:
    """The value of a database source's watermark query."""
    return database_rows.watermark(spec, window, PLACES)
