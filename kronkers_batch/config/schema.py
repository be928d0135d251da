"""The root of the configuration as Hydra sees it: mutable dataclasses, registered by a function."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from kronkers_batch.config.fields import Field, Kind, Table, table_kind
from kronkers_batch.config.kinds import ADDRESS, PLAIN, SECRET, TEXT, choice, duration, integer
from kronkers_batch.config.spec import FOREVER, Definitions, SandboxPolicy

GROUPS = ("warehouse", "executor", "alerts")


@dataclass
class WarehouseSchema:
    """conf/warehouse/NAME.yaml."""

    url: str = "sqlite:///${home}/warehouse.db"
    artifacts: str = "${home}/artifacts"
    checkpoints: str = ""
    keep_snapshots: str = "90d"


@dataclass
class ExecutorSchema:
    """conf/executor/NAME.yaml."""

    workers: int = 1
    sandbox: str = "require"
    chunk_rows: int = 262_144
    piece_rows: int = 65_536
    kept_workers: int = 2


@dataclass
class RootSchema:
    """conf/config.yaml, with the chosen file of each group."""

    home: str = "var"
    logical_date: str | None = None
    key_file: str = "${oc.env:KRONKERS_KEY_FILE,'~/.config/kronkers/identity.key'}"
    definitions: str = "trusted"
    warehouse: WarehouseSchema = field(default_factory=WarehouseSchema)
    executor: ExecutorSchema = field(default_factory=ExecutorSchema)
    alerts: dict[str, Any] = field(default_factory=dict)


def register() -> None:
    """Puts the schema into Hydra's ConfigStore, under the name that conf/config.yaml lists first."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="schema", node=RootSchema)


# The same keys as tables: for messages with lines, and for the reference page.
WAREHOUSE = Table(
    "conf/warehouse/NAME.yaml",
    (
        Field(
            "url",
            SECRET,
            "SQLAlchemy URL of the database; a password only through `${oc.env:NAME}`.",
            shown="`sqlite:///${home}/warehouse.db`",
        ),
        Field(
            "artifacts",
            ADDRESS,
            "Folder or fsspec address for model artifacts and snapshots, all encrypted.",
            shown="`${home}/artifacts`",
        ),
        Field(
            "checkpoints",
            ADDRESS,
            "Folder or address for the ledger's signed checkpoints; best on another machine.",
            shown="none",
        ),
        Field(
            "keep_snapshots",
            duration(positive=True, words={"forever": FOREVER}),
            "How long snapshots are kept after they were last used; see [snapshots](sources.md#snapshots).",
            default=dt.timedelta(days=90),
            shown="90d",
        ),
    ),
)
EXECUTOR = Table(
    "conf/executor/NAME.yaml",
    (
        Field("workers", integer(1, 256), "How many tasks run at once.", shown="1"),
        Field(
            "sandbox", choice(SandboxPolicy), "Whether model code must run in the sandbox.", shown="require"
        ),
        Field(
            "chunk_rows", integer(1024, 2**24), "Rows that are checked and scored at once.", shown="262144"
        ),
        Field("piece_rows", integer(1024, 2**20), "Rows that are encrypted as one unit.", shown="65536"),
        Field(
            "kept_workers",
            integer(0, 64),
            "How many models stay started, each in a process of its own, to be used again.",
            shown="2",
        ),
    ),
)
ALERTS = Table("conf/alerts/NAME.yaml", ())
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
            Kind("a path", TEXT.parse, environment=True),
            "Where the database, artifacts and pages go; relative to the project folder.",
            shown="`var`",
        ),
        Field(
            "logical_date",
            Kind("a date such as 2013-06-01", TEXT.parse),
            "The date that commands mean without `--date`.",
            shown="yesterday",
        ),
        Field(
            "key_file",
            Kind("a path", TEXT.parse, environment=True),
            "Your identity's key file, outside the project.",
            shown="`$KRONKERS_KEY_FILE`, else `~/.config/kronkers/identity.key`",
        ),
        Field(
            "definitions",
            choice(Definitions),
            "`signed` runs only what an operator of its department has signed; see "
            "[how to sign definitions](../how-to/sign-definitions.md).",
            shown="trusted",
        ),
        Field("warehouse", table_kind(WAREHOUSE), "Changes to the chosen warehouse file."),
        Field("executor", table_kind(EXECUTOR), "Changes to the chosen executor file."),
        Field(
            "alerts",
            Kind("a mapping", PLAIN.parse, free=True, environment=True),
            "Changes to the chosen alerts file.",
        ),
    ),
)
