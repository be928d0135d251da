"""Kronkers Batch: models in Python, R and Julia, declared in YAML, run every night, kept encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kronkers_batch.system import System

__version__ = "0.2.0"


def open(conf: str | Path | None = None, overrides: Sequence[str] = ()) -> System:
    """Opens the system for reading, with the caller's keys. Use it as a context manager.

    Args:
        conf: The configuration folder; None takes KRONKERS_CONF, else ``conf`` here or in a folder above.
        overrides: Overrides of it, as the command line takes them.

    Raises ConfigErrors, StoreError, IdentityError, AccessRefused, IntegrityError.
    """
    from kronkers_batch.system import System

    return System(conf, overrides)
