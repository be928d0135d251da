"""What a worker is told, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kronkers_batch.config.spec import (
    CodeFile,
    Environment,
    Estimator,
    Language,
    OutputColumn,
    Resources,
    SandboxPolicy,
    Task,
    Unseen,
)
from kronkers_batch.frames.schema import Column, Schema


def _nowhere(_path: Path) -> str:
    return ""


@dataclass(frozen=True)
class KeptCode(CodeFile):
    """Code that a version keeps: ``text`` is what its worker is to run, whatever lies at ``path`` by then."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Walls:
    """Where a worker may not look: keys, the warehouse, what other departments do not share.

    Attributes:
        hidden: Files and folders that are masked where they lie below something that is shown.
        refusal: Why a file or folder may not be shown, in words; empty where it may.
    """

    hidden: tuple[Path, ...] = ()
    refusal: Callable[[Path], str] = _nowhere


@dataclass(frozen=True)
class WorkerSpec:
    """All that a worker is told, and its limits.

    Attributes:
        name: The model's name, for messages.
        features: In order; categories with the levels of the training snapshot.
        target: None for a worker that only scores.
        walls: Where it may not look, whatever else is shown.
        log: Gets bounded, scrubbed lines of what the worker prints; called from another thread.
    """

    name: str
    language: Language
    model: CodeFile | Estimator | None
    task: Task
    parameters: Mapping[str, Any]
    data: str
    environment: Environment
    features: Schema
    target: Column | None
    outputs: tuple[OutputColumn, ...]
    unseen: Unseen
    resources: Resources
    seed: int
    sandbox: SandboxPolicy
    log: Callable[[str], None]
    walls: Walls = field(default_factory=lambda: Walls())


@dataclass(frozen=True)
class WorkerInfo:
    """Who answered: for lineage. ``packages`` are those loaded after the last fit or load."""

    language: str
    version: str
    packages: Mapping[str, str]
    sandboxed: bool
