"""What the warehouse hands out: output versions, heads, and how they are called."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from kronkers_batch.errors import IntegrityError, UsageError
from kronkers_batch.frames.schema import Schema

_REF = re.compile(r"(?P<model>[^/#@]+)/(?P<date>\d{4}-\d{2}-\d{2})#(?P<number>[1-9]\d*)")


IN_LEDGER = ("model_version", "snapshot_fingerprint", "thresholds")
"""Of a version's lineage, what the ledger says when it is published or held."""


class State(StrEnum):
    """What became of a finished output version."""

    PUBLISHED = "published"  # readers may see it; the date's head is one of these
    HELD = "held"  # an output threshold is missed


@dataclass(frozen=True)
class OutputVersion:
    """One finished, immutable output of a model for one logical date; verified when it was made."""

    id: str
    model: str
    department: str
    date: dt.date
    number: int  # counts the versions of this model and date, from 1
    state: State  # by the newest judgement
    head: bool  # whether readers of the date get this version
    rows: int
    fingerprint: str  # scoring fingerprint, hex
    created: int  # time at which it was reserved, microseconds since the epoch
    principal: str  # who made and signed it
    schema: Schema  # its columns: the key, then what the model predicts
    key: tuple[str, ...]  # key columns
    stats: Mapping[str, float]
    missed: tuple[str, ...]  # thresholds that the newest judgement found missed; empty when published
    lineage: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """How people call it: ``NAME/2013-06-01#3``."""
        return f"{self.model}/{self.date}#{self.number}"


Tell = Callable[[Connection, OutputVersion], None]
"""Called last in a writing transaction, with the version that it is about: writes its event."""


def no_event(_conn: Connection, *_about: object) -> None:
    """Writes no event."""


@dataclass(frozen=True)
class Head:
    """The version that readers of one date get."""

    id: str
    model: str
    date: dt.date
    number: int
    at: int  # since when, microseconds since the epoch

    @property
    def ref(self) -> str:
        """How people call the version."""
        return f"{self.model}/{self.date}#{self.number}"


@dataclass(frozen=True)
class Judgement:
    """One line of a date's history: what happened to which version, and which one is the head since then."""

    sequence: int
    action: str  # publish, hold or delete
    version_id: str
    head: str  # id of the head from then on; empty where the date has none
    at: int
    principal: str
    missed: tuple[str, ...] = field(default=())
    why: str = ""


def day_of(text: str) -> dt.date:
    """The logical date that a row says. Raises IntegrityError where it is none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise IntegrityError(
            "the date of an output in the database is not valid",
            where="output_versions",
            fix="Do not use these outputs; restore the database from a backup.",
        ) from None


def parse_ref(text: str) -> tuple[str, dt.date, int]:
    """Model, date and number of ``NAME/2013-06-01#3``. Raises UsageError."""
    match = _REF.fullmatch(text)
    try:
        if match:
            return match["model"], dt.date.fromisoformat(match["date"]), int(match["number"])
    except ValueError:
        pass
    raise UsageError(f"{text!r} is not an output version", fix="Write it like NAME/2013-06-01#3.")
