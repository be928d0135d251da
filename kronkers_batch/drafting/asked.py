"""What ``kronkers new`` is asked for, and what it found in the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kronkers_batch.data.window import Window
from kronkers_batch.drafting.draft import Inferred
from kronkers_batch.drafting.feature_choice import correct
from kronkers_batch.drafting.periods import Period
from kronkers_batch.drafting.survey import Survey
from kronkers_batch.errors import DataError, UsageError
from kronkers_batch.frames.schema import Schema

CHUNK = 65_536
"""Rows that are looked at at once."""


@dataclass(frozen=True)
class Asked:
    """What the command line says.

    Attributes:
        csv: A file; else ``source`` names a declared source.
        features: The columns to learn from; None where they are inferred.
    """

    name: str
    language: str
    target: str
    date: dt.date
    csv: Path | None = None
    source: str = ""
    department: str = ""
    task: str = ""
    features: tuple[str, ...] | None = None
    key: tuple[str, ...] = ()
    time: str = ""


@dataclass(frozen=True)
class Found:
    """What the rows say.

    Attributes:
        source: The name of the source.
        key: The columns that identify a row.
        own_key: The same where the model's file has to say them.
        files: The source's file, by path, where it is new.
        inferred: Of the file, what was inferred.
    """

    source: str
    survey: Survey
    key: tuple[str, ...]
    period: Period
    own_key: tuple[str, ...] = ()
    files: Mapping[Path, str] = field(default_factory=dict)
    inferred: tuple[Inferred, ...] = ()


def require_column(name: str, schema: Schema) -> None:
    """Raises UsageError where there is no such column."""
    if name not in schema:
        raise UsageError(f"there is no column {name!r}", fix=correct(name, schema.names))


def refuse_empty(seen: Survey, where: str, window: Window) -> None:
    """Raises DataError where no row was found."""
    if not seen.rows:
        inside = "" if window.whole else f" ({window})"
        raise DataError(
            f"there are no rows{inside}", where=where, fix="Deliver rows first, or choose a later --date."
        )
