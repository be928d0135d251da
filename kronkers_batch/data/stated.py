"""What tells whether a source's rows changed, as values: the heads of outputs may be left open."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kronkers_batch.digests import Json

_FORMAT = 1


@dataclass(frozen=True)
class Heads:
    """The versions that readers of a model's output see in ``[start, end)``; None is open."""

    model: str
    start: dt.datetime | None
    end: dt.datetime | None

    @property
    def first(self) -> dt.date | None:
        """The first logical date that lies in it; None is open."""
        return None if self.start is None else self.start.date()

    @property
    def last(self) -> dt.date | None:
        """The last one; None is open."""
        return None if self.end is None else (self.end - dt.timedelta(microseconds=1)).date()

    def covers(self, date: dt.date) -> bool:
        """Whether a logical date lies in it."""
        first, last = self.first, self.last
        return (first is None or first <= date) and (last is None or date <= last)


Known: TypeAlias = Callable[[Heads], Sequence[str]]
"""Gives the ids of those versions, in order of their dates."""


@dataclass(frozen=True)
class Stated:
    """A source's definition (a digest), the window, and what its kind can say cheaply of its contents."""

    definition: str
    window: Mapping[str, str | None]
    contents: Json | Heads | Mapping[str, Heads | Stated]

    def holes(self) -> Iterator[Heads]:
        """The heads that must be known before there is a digest."""
        if isinstance(self.contents, Heads):
            yield self.contents
        elif isinstance(self.contents, Mapping):
            for part in self.contents.values():
                if isinstance(part, Heads):
                    yield part
                elif isinstance(part, Stated):
                    yield from part.holes()

    def digest(self, known: Known) -> str:
        """SHA-256 (hex): the source's identity in this window."""
        parts = {
            "format": _FORMAT,
            "definition": self.definition,
            "window": dict(self.window),
            "contents": self._contents(known),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _contents(self, known: Known) -> object:
        if isinstance(self.contents, Heads):
            return list(known(self.contents))
        if not isinstance(self.contents, Mapping):
            return self.contents
        return {
            name: list(known(part))
            if isinstance(part, Heads)
            else part.digest(known)
            if isinstance(part, Stated)
            else part
            for name, part in self.contents.items()
        }
