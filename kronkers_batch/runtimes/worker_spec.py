"""What a worker is given, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kronkers_batch.config.languages import Language
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    CodeFile,
    Environment,
    Estimator,
    OutputColumn,
    Resources,
    Unseen,
)
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.learning import Goal, Task


def _nowhere(_path: Path) -> str:
    return ""


PLACE = Path("/kronkers/model")
"""Where a worker finds the files of its model, whatever they are called where they were written."""


@dataclass(frozen=True)
class KeptCode(CodeFile):
    """A model's code as a version keeps it, and as its workers run it; ``path`` is where they find it.

    Attributes:
        text: Of the code file.
        files: What else lies in its folder, by path below that folder.
    """

    text: str = field(repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def contents(self) -> dict[Path, bytes]:
        """Every file, by where a worker finds it."""
        folder = self.path.parent
        return {self.path: self.text.encode(), **{folder / name: raw for name, raw in self.files.items()}}


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
    """All that a worker is given, and its limits.

    Attributes:
        name: The model's name, for messages.
        features: In order; categories with the levels of the training snapshot.
        target: None for a worker that only scores.
        outputs: As they are published; ``task.returned`` says how the model's code calls them.
        task: The kind by whose metrics it is measured, and whose outputs it has.
        goal: What the model file says of the target and of columns with a role.
        learns: Whether it is fitted; else its code has ``score`` alone.
        measure: The own measure that its code is; then ``outputs`` are the scores that it judges.
        fit_only: Columns that only ``fit`` sees, the weights among them.
        walls: Where it may not look, whatever else is shown.
        imported: Whether it was fitted elsewhere: it loads what was stored, and its code needs only score.
        environment_at: Where its environment is declared, for messages; empty for the machine's default.
        log: Gets bounded, scrubbed lines of what the worker prints; called from another thread.
        heard: Gets the same lines as they stand, for who seals them: they may hold data.
    """

    name: str
    language: Language
    model: KeptCode | Estimator | None
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
    heard: Callable[[str], None] = lambda _line: None
    environment_at: str = ""
    goal: Goal = field(default_factory=Goal)
    fit_only: Schema = field(default_factory=lambda: Schema(()))
    learns: bool = True
    imported: bool = False
    measure: Measure | None = None

    @property
    def scored(self) -> Schema:
        """The columns of the rows that are scored: of series, without what only their history has."""
        panel = self.goal.panel
        return panel.ahead_of(self.features) if panel else self.features

    @property
    def history(self) -> Schema:
        """The columns of a history; none where there are no series."""
        panel = self.goal.panel
        return panel.history_of(self.features) if panel else Schema(())

    @property
    def parts(self) -> int:
        """How many frames are sent to be scored at once: a history goes before the rows to forecast."""
        return 2 if self.goal.panel else 1


@dataclass(frozen=True)
class WorkerInfo:
    """Who answered: for lineage. ``packages`` are those loaded after the last fit or load."""

    language: str
    version: str
    packages: Mapping[str, str]
    sandboxed: bool
