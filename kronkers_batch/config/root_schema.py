"""The root of the configuration: its tables, and the schema that Hydra gets, which is made of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import field, make_dataclass
from typing import Any

from kronkers_batch.config.fields import STRUCTURE, Field, Kind, Table, table_kind
from kronkers_batch.config.kinds import ADDRESS, DATE, FILLED, PLAIN, SECRET, choice, duration, integer
from kronkers_batch.config.nodes import Plain
from kronkers_batch.config.root_spec import FOREVER, Definitions, ExecutorSpec
from kronkers_batch.config.sandbox_policy import SandboxPolicy

GROUPS = ("warehouse", "executor", "alerts")
_PATH = Kind("a path", FILLED.parse, environment=True, plain=str)

WAREHOUSE = Table(
    "conf/warehouse/NAME.yaml",
    (
        Field(
            "url",
            SECRET,
            "SQLAlchemy URL of the database; a password only through `${oc.env:NAME}`.",
            written="sqlite:///${home}/warehouse.db",
        ),
        Field(
            "artifacts",
            ADDRESS,
            "Folder or fsspec address for model artifacts and snapshots, all encrypted.",
            written="${home}/artifacts",
        ),
        Field(
            "checkpoints",
            ADDRESS,
            "Folder or address for the ledger's signed checkpoints; best on another machine.",
            written="",
            shown="none",
        ),
        Field(
            "keep_snapshots",
            duration(positive=True, words={"forever": FOREVER}),
            "How long snapshots are kept after they were last used; see [snapshots](sources.md#snapshots).",
            default=dt.timedelta(days=90),
        ),
    ),
)
EXECUTOR = Table(
    "conf/executor/NAME.yaml",
    (
        Field("workers", integer(1, 256), "How many tasks run at once.", default=ExecutorSpec.workers),
        Field(
            "sandbox",
            choice(SandboxPolicy),
            "Whether model code must run in the sandbox.",
            default=ExecutorSpec.sandbox,
        ),
        Field(
            "chunk_rows",
            integer(1024, 2**24),
            "Rows of a scoring chunk: checked and scored at once.",
            default=ExecutorSpec.chunk_rows,
        ),
        Field(
            "piece_rows",
            integer(1024, 2**20),
            "Rows of a sealed chunk: encrypted as one unit.",
            default=ExecutorSpec.piece_rows,
        ),
        Field(
            "kept_workers",
            integer(0, 64),
            "How many started models stay available, each in its own process.",
            default=ExecutorSpec.kept_workers,
        ),
    ),
)
ROOT = Table(
    "conf/config.yaml",
    (
        Field(
            "defaults",
            PLAIN,
            "Hydra's list: `schema`, then one file of each group, then `_self_`.",
            required=True,
        ),
        Field(
            "home",
            _PATH,
            "Where the database, artifacts and pages go; relative to the project folder.",
            written="var",
        ),
        Field(
            "logical_date",
            DATE,
            "The date that commands use without `--date`.",
            shown="yesterday",
        ),
        Field(
            "key_file",
            _PATH,
            "Your identity's key file, outside the project.",
            written="${oc.env:KRONKERS_KEY_FILE,'~/.config/kronkers/identity.key'}",
        ),
        Field(
            "definitions",
            choice(Definitions),
            "`signed` runs only definitions that an operator of their department has signed; see "
            "[how to sign definitions](../how-to/sign-definitions.md).",
            default=Definitions.TRUSTED,
        ),
        Field("warehouse", table_kind(WAREHOUSE), "Overrides of the chosen warehouse file."),
        Field("executor", table_kind(EXECUTOR), "Overrides of the chosen executor file."),
        Field(
            "alerts",
            Kind("a mapping", PLAIN.parse, free=True, environment=True, plain=STRUCTURE),
            "Overrides of the chosen alerts file.",
        ),
    ),
)


def structure(table: Table) -> type[object]:
    """A table as Hydra's schema: a mutable dataclass with its keys, their types and defaults."""
    members: list[tuple[str, Any, object]] = []
    for key in table.fields:
        kind, default = key.kind, key.said
        if key.name == "defaults":
            continue  # which Hydra takes out itself
        if kind.nested and kind.table is not None:
            inner = structure(kind.table)
            members.append((key.name, inner, field(default_factory=inner)))
        elif kind.plain == STRUCTURE:
            members.append((key.name, kind.plain, field(default_factory=dict)))
        else:
            type_ = kind.plain if default is not None or kind.plain is Any else kind.plain | None
            members.append((key.name, type_, field(default=default)))
    return make_dataclass("Schema", members)


def described(table: Table = ROOT) -> list[tuple[str, object, Plain]]:
    """What is in a table's schema, for comparing it with that of another release."""
    return [
        (
            key.name,
            described(inner) if key.kind.nested and (inner := key.kind.table) else str(key.kind.plain),
            key.said,
        )
        for key in table.fields
    ]


def register() -> None:
    """Puts the schema into Hydra's ConfigStore, under the name that conf/config.yaml lists first."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="schema", node=structure(ROOT))
