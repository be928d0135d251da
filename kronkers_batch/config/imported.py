"""A model that was fitted elsewhere, as a model file says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Imported:
    """A stored model of the language's own form, and rows that prove it.

    Attributes:
        artifact: The file that holds the fitted model, absolute.
        golden: A file of rows with the scores that the model gives them, absolute; None without.
    """

    artifact: Path
    golden: Path | None = None
