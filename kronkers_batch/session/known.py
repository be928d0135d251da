"""What a run has worked out, as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import CodeFile
from kronkers_batch.digests import Json

if TYPE_CHECKING:
    from kronkers_batch.events.types import Event


@dataclass(frozen=True)
class Definition:
    """``flat`` is dotted key to value; ``training`` its fingerprint; ``parts`` what that is made of."""

    flat: Mapping[str, Json]
    training: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Neighbours:
    """What is no model's own, with links followed: code files, folders above one, environments."""

    code: frozenset[str]
    above: frozenset[str]
    environments: frozenset[str]

    @classmethod
    def of(cls, config: Config) -> Neighbours:
        """Of all models of a configuration."""
        models = config.models.values()
        code = frozenset(os.path.realpath(m.model.path) for m in models if isinstance(m.model, CodeFile))
        places = {place for m in models for place in (m.environment.venv, m.environment.library) if place}
        return cls(
            code,
            frozenset(str(folder) for folder in {parent for path in code for parent in Path(path).parents}),
            frozenset(map(os.path.realpath, places)),
        )


@dataclass(frozen=True)
class Own:
    """An event that this process recorded, and its row as it was after the commit."""

    event: Event
    row: Mapping[str, Any]
