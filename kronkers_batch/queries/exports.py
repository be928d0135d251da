"""Where a file that a person asks for may be written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kronkers_batch.config.places import Places
from kronkers_batch.errors import UsageError


def check(places: Places, path: Path) -> None:
    """Raises UsageError where the file would lie in a forbidden place; before anything is read for it."""
    judge(places, path)(os.path.realpath(path))


def judge(places: Places, path: Path) -> Callable[[str], None]:
    """What says so of where the opened folder really lies."""

    def judged(real: str) -> None:
        if why := places.refusal(real):
            raise UsageError(f"the path is refused: {why}", where=str(path), fix="Choose another folder.")

    return judged
