"""A plan: what is to be done for each model and date, why, and what is refused. It never changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias, assert_never

from kronkers_batch.planning.facts import Facts, Output, Problem, Version


class State(StrEnum):
    """What a plan says of an entry."""

    DONE = "done"  # it is there already
    DUE = "due"
    WAITS = "waits"  # for another entry's result, which says what exactly is to be done
    FAILED = "failed"  # it cannot be done, and the problem says why
    HELD = "held"  # nobody may see what would come of it, and the problem says why
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """One thing to do.

    Attributes:
        key: Its name in the plan.
        state: What the plan says of it.
        why: One line on why it is to be done.
        needs: Keys of the entries that must be done before.
        problem: Why it cannot be done.
    """

    key: str
    state: State
    why: str = ""
    needs: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, kw_only=True)
class Ingest(Entry):
    """Freeze a window of a source; ``identity`` is that of the source, empty while it is not known."""

    source: str
    under: str
    start: str
    end: str
    window: str
    identity: str = ""


@dataclass(frozen=True, kw_only=True)
class Train(Entry):
    """Train a model as of a date; or, where it is ``recorded``, judge the version anew.

    Without a fingerprint it is unknown whether it is due.
    """

    model: str
    date: dt.date
    fingerprint: str = ""
    recorded: bool = False


@dataclass(frozen=True, kw_only=True)
class Score(Entry):
    """Score one date of a model.

    Attributes:
        model: Its name.
        date: The logical date.
        version: The model version that scores; None while it is not known.
        source: The key of the entry that freezes what is scored.
        identity: Of what is scored; empty while it is not known.
        fingerprint: Of this scoring; empty while it is not known.
        output: What has this fingerprint already.
        replaces: The output that readers see until it is done.
    """

    model: str
    date: dt.date
    version: Version | None = None
    source: str = ""
    identity: str = ""
    fingerprint: str = ""
    output: Output | None = None
    replaces: str = ""


@dataclass(frozen=True, kw_only=True)
class Published(Entry):
    """Some output of an earlier date that readers see, whichever version made it."""

    model: str
    date: dt.date


AnyEntry: TypeAlias = Ingest | Train | Score | Published


# ---------------------------------------------------------------- what comes of entries


@dataclass(frozen=True)
class Frozen:
    """An entry's window is frozen, of the source with this identity."""

    key: str
    identity: str


@dataclass(frozen=True)
class Trained:
    """A training is done; ``champion`` is in use now, and ``newest`` the version that it made or judged."""

    key: str
    champion: Version | None
    newest: Version | None = None


@dataclass(frozen=True)
class Scored:
    """A date is scored or published; readers get this output version now (its id), or none."""

    key: str
    head: str


Result: TypeAlias = Frozen | Trained | Scored


@dataclass(frozen=True)
class Known:
    """What the run has learned since the facts were read: results by the keys of their entries."""

    frozen: Mapping[str, str] = field(default_factory=dict)
    trained: Mapping[str, Trained] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.frozen or key in self.trained or key in self.heads

    def also(self, result: Result) -> Known:
        """With one more result."""
        match result:
            case Frozen():
                return Known({**self.frozen, result.key: result.identity}, self.trained, self.heads)
            case Trained():
                return Known(self.frozen, {**self.trained, result.key: result}, self.heads)
            case Scored():
                return Known(self.frozen, self.trained, {**self.heads, result.key: result.head})
            case _:
                assert_never(result)


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        facts: What it was decided on; each model's definition and permission are digests in it.
        entries: By key, each after those that it needs.
        roots: Keys of what was asked for, in order.
        known: The results that it was advanced by.
    """

    facts: Facts
    entries: Mapping[str, AnyEntry]
    roots: tuple[str, ...]
    known: Known = field(default_factory=Known)

    @property
    def date(self) -> dt.date:
        """The logical date."""
        return self.facts.date

    @property
    def open(self) -> list[AnyEntry]:
        """The entries that are not done, each after those that it needs."""
        return [entry for entry in self.entries.values() if entry.state is not State.DONE]

    def of(self, model: str) -> list[Train | Score]:
        """What was asked for of one model."""
        return self._asked.get(model, [])

    @cached_property
    def _asked(self) -> Mapping[str, list[Train | Score]]:
        """What was asked for, by model."""
        found: dict[str, list[Train | Score]] = {}
        for entry in map(self.entries.__getitem__, self.roots):
            if isinstance(entry, Train | Score):
                found.setdefault(entry.model, []).append(entry)
        return found
