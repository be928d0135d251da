"""All that a decision needs, as values: read once, from database, configuration and sources."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kronkers_batch.data.stated import Stated
from kronkers_batch.digests import Json


@dataclass(frozen=True)
class Problem:
    """Why something cannot be done.

    Attributes:
        words: For the run's record: what, where, and what to do.
        refused: Whether somebody lacks a right or a signature.
        found: What was found in the data, for readers alone.
    """

    words: str
    refused: bool = False
    found: str = ""

    @property
    def first(self) -> str:
        """The first line of the words."""
        return self.words.split("\n", 1)[0]


@dataclass(frozen=True)
class Version:
    """A model version.

    Attributes:
        id: Its random id.
        ref: Its name, such as ``late_arrival@3``.
        number: Its number.
        fingerprint: Of its training.
        definition: Fingerprint of the definition that it is of.
        date: The logical date as of which it was trained.
        made: The day (UTC) on which it was recorded.
        recorded: The time of that, in microseconds UTC.
        missed: The thresholds of today that it misses, a sentence each.
        missed_then: Those of its own day.
        by_promoter: Whether who recorded it may promote it.
        changed: What today's definition has otherwise, a sentence each.
        elsewhere: The keys of its source that are declared otherwise today.
        chosen: The time of its last promotion, in microseconds UTC; 0 for none.
    """

    id: str
    ref: str
    number: int
    fingerprint: str
    definition: str
    date: dt.date
    made: dt.date
    recorded: int = 0
    missed: tuple[str, ...] = ()
    missed_then: tuple[str, ...] = ()
    by_promoter: bool = True
    changed: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    chosen: int = 0


@dataclass(frozen=True)
class Output:
    """A finished output version.

    Attributes:
        id: Its random id.
        ref: Its name, such as ``late_arrival/2013-06-01#2``.
        fingerprint: Of its scoring.
        held: Whether a gate held it back.
        head: Whether readers of its date get it.
        missed: The thresholds of today that it misses, and its checks that failed, a sentence each.
        by: The ref of the model version that made it.
    """

    id: str
    ref: str
    fingerprint: str
    held: bool
    head: bool
    missed: tuple[str, ...] = ()
    by: str = ""

    @property
    def final(self) -> bool:
        """Whether readers get it, or it is held, as today's thresholds say.

        After a rollback of the champion its old output is published but no longer what readers get.
        """
        return self.held if self.missed else self.head


class Frozen(StrEnum):
    """Whether a window of a source, as it is now, is frozen."""

    YES = "yes"
    NOT_YET = "not read yet"
    CHANGED = "the source changed"
    GONE = "what was frozen is gone from the artifact store"


@dataclass(frozen=True)
class Input:
    """A window of what a model reads.

    Attributes:
        source: A source's name, or ``output.MODEL``.
        under: Whose key: a department, or ``DEPARTMENT/MODEL``.
        start: The window's first time (ISO); empty is open.
        end: The time after its last (ISO); empty is open.
        window: The window in words.
        reads: The outputs (model, date) that must be published first.
        stated: What tells whether its rows changed; a problem where that cannot be asked.
        frozen: Whether it is frozen with the outputs that readers see now.
    """

    source: str
    under: str
    start: str
    end: str
    window: str
    reads: tuple[tuple[str, dt.date], ...]
    stated: Stated | Problem
    frozen: Frozen = Frozen.NOT_YET

    @property
    def key(self) -> str:
        """Which window of which source it is, and whose key."""
        return f"ingest {self.source} [{self.start}, {self.end}) under {self.under}"


@dataclass(frozen=True)
class Day:
    """What there is of one logical date of one model.

    Attributes:
        input: What is scored.
        outputs: The finished versions, oldest first.
        head: The one that readers get; None where there is none.
    """

    input: Input | Problem
    outputs: tuple[Output, ...] = ()
    head: Output | None = None


@dataclass(frozen=True)
class Model:
    """What there is of one model.

    Attributes:
        name: Its name.
        department: Whose it is.
        automatic: Whether what passes is promoted by itself.
        every: The age at which a training is due again; None for never.
        definition: Fingerprint of today's definition; empty where that is unknown.
        permission: Fingerprint of what must be signed; empty where nothing must.
        refused: Why its definition may not be run.
        forbidden: Why the caller may not run it.
        seen: Whether the caller sees its records.
        undefined: Why its definition is unknown.
        unknown: Why its versions are unknown.
        champion: The version in use.
        newest: The newest version of today's definition.
        last: The newest version of any definition.
        trained: Versions by the fingerprint of their training.
        promoted: The highest number that was ever promoted; 0 for none.
        scoring: What counts for scoring, flat.
        training: The rows that a training of tonight reads; None where none is due.
    """

    name: str
    department: str
    automatic: bool = True
    every: dt.timedelta | None = None
    definition: str = ""
    permission: str = ""
    refused: Problem | None = None
    forbidden: Problem | None = None
    seen: bool = True
    undefined: Problem | None = None
    unknown: Problem | None = None
    champion: Version | None = None
    newest: Version | None = None
    last: Version | None = None
    trained: Mapping[str, Version] = field(default_factory=dict)
    promoted: int = 0
    scoring: Mapping[str, Json] = field(default_factory=dict)
    training: Input | Problem | None = None


@dataclass(frozen=True)
class Facts:
    """What is known when a run begins.

    Attributes:
        date: The logical date.
        asked: The models that are asked for.
        models: Those, and all whose outputs they read, by name.
        days: By model and date, of tonight and of earlier dates that somebody needs and that have no output.
        heads: By model and date, the ids of the outputs that readers get, of the dates that are read.
    """

    date: dt.date
    asked: tuple[str, ...]
    models: Mapping[str, Model]
    days: Mapping[tuple[str, dt.date], Day] = field(default_factory=dict)
    heads: Mapping[str, Mapping[dt.date, str]] = field(default_factory=dict)
