"""The frozen objects that the root becomes, and :class:`Config`, which holds all of ``conf/``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import ModelSpec, Origin, SourceSpec


@dataclass(frozen=True)
class DepartmentSpec:
    """One ``conf/department/NAME.yaml``."""

    name: str
    title: str
    owner: str
    origin: Origin


FOREVER = dt.timedelta.max
"""A duration without an end."""


@dataclass(frozen=True)
class WarehouseSpec:
    """Where the database and the artifacts lie, and how long snapshots do.

    ``artifacts`` is an fsspec address. ``keep_snapshots`` is counted from when one was last used.
    """

    url: Secret
    artifacts: str
    checkpoints: str  # where signed ledger checkpoints go; an fsspec address, or empty
    keep_snapshots: dt.timedelta  # FOREVER: none expires


class Definitions(StrEnum):
    """Whose definitions are run. A warehouse may require ``signed`` whatever the file says."""

    TRUSTED = "trusted"  # whatever the files say: one person on one machine
    SIGNED = "signed"  # only what an operator of the department has signed


@dataclass(frozen=True)
class ExecutorSpec:
    """How the graph runs: number of tasks at once, the sandbox, rows checked and rows stored at once.

    ``kept_workers`` are started models that wait, to be used again.
    """

    workers: int = 1
    sandbox: SandboxPolicy = SandboxPolicy.REQUIRE
    chunk_rows: int = 262_144
    piece_rows: int = 65_536
    kept_workers: int = 2


@dataclass(frozen=True)
class Config:
    """All of ``conf/``, checked."""

    root: Path  # the conf folder
    home: Path  # where reports and logs go; not a place for keys
    logical_date: dt.date | None  # the default logical date; None means yesterday
    key_file: Path  # the caller's identity
    departments: Mapping[str, DepartmentSpec]
    sources: Mapping[str, SourceSpec]
    models: Mapping[str, ModelSpec]
    warehouse: WarehouseSpec
    executor: ExecutorSpec
    alerts: Mapping[str, object]
    overrides: tuple[str, ...]
    definitions: Definitions = Definitions.TRUSTED
