"""What a worker is told, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class WorkerSpec:
    """All that a worker is told, and its limits.

    Attributes:
        name: The model's name, for messages.
        features: In order; categories with the levels of the training snapshot.
        target: None for a worker that only scores.
        hidden: Places that it may not see, whatever else is shown: keys, the warehouse, others' files.
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
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True)
class WorkerInfo:
    """Who answered: for lineage. ``packages`` are those loaded after the last fit or load."""

    language: str
    version: str
    packages: Mapping[str, str]
    sandboxed: bool
