"""What a model file declares of a department's own measure: code that judges the scores of the holdout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kronkers_batch.config.languages import Language
from kronkers_batch.digests import Json

LOSS, METRIC = "loss", "metric"
_KEY = "measures."


class Direction(StrEnum):
    """Which values of a number are the good ones."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Measure:
    """One measure. Its code is one file, which defines one function.

    Attributes:
        name: How the model file calls it.
        language: Of its code, which may be another one than the model's.
        path: Of the code file, absolute.
        metrics: The numbers that ``metric`` returns, with their direction; empty where the file defines
            ``loss``, which returns one number for each row.
    """

    name: str
    language: Language
    path: Path
    metrics: Mapping[str, Direction] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """The function that the file defines."""
        return METRIC if self.metrics else LOSS

    @property
    def columns(self) -> tuple[str, ...]:
        """How the worker's answer calls what the function returned."""
        return tuple(self.metrics) or (LOSS,)

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The metrics that a version has of it, each with the bounds that a threshold on it needs."""
        if not self.metrics:
            return {self.name: ("max",)}
        sides = {Direction.HIGHER: ("min",), Direction.LOWER: ("max",)}
        return {f"{self.name}.{key}": sides[direction] for key, direction in self.metrics.items()}


def own_measures(measures: Iterable[Measure], digests: Mapping[str, str]) -> dict[str, Json]:
    """What counts of measures in a definition, flat; ``digests`` are of their code, by name.

    Neither where a file lies nor which values of a metric are good changes what is measured.
    """
    found: dict[str, Json] = {}
    for measure in measures:
        key = f"{_KEY}{measure.name}"
        found[f"{key}.language"] = str(measure.language)
        found[f"{key}.code"] = digests.get(measure.name, "")
        if measure.metrics:
            found[f"{key}.metrics"] = [*sorted(measure.metrics)]
    return found


def is_measure_code(key: str) -> bool:
    """Whether a key of a definition has the digest of a measure's code."""
    return key.startswith(_KEY) and key.endswith(".code")
