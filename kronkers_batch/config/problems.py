"""Collecting every problem of a configuration, with the nearest valid spelling."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from kronkers_batch.config.spec import Origin
from kronkers_batch.errors import ConfigError, ConfigErrors

_LONGEST = 2000  # characters of each part of a problem: a key or value of a file may be of any length
_LISTED = 40  # names that a message lists before it says "and N more"


class Problems:
    """The problems found so far. The same problem found twice (in a shared template) counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str, str], ConfigError] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, where: Origin, what: str, fix: str = "") -> None:
        """Reports one problem: what was found at ``where``, and what to do."""
        place = (where.file, where.line, where.key, what)
        error = ConfigError(what[:_LONGEST], where=str(where)[:_LONGEST], fix=fix[:_LONGEST])
        self._found.setdefault(place, error)

    def replace(self, where: Origin, what: str, fix: str = "") -> None:
        """Reports this problem instead of those that were reported of the same key."""
        place = (where.file, where.line, where.key)
        self._found = {found: error for found, error in self._found.items() if found[:3] != place}
        self.add(where, what, fix)

    def extend(self, other: Problems) -> None:
        """Reports all problems of another collection."""
        for place, problem in other._found.items():
            self._found.setdefault(place, problem)

    def raise_if_any(self) -> None:
        """Raises ConfigErrors with all problems, sorted by file, line and key."""
        if self._found:
            raise ConfigErrors(self._found[place] for place in sorted(self._found))


def listed(names: Iterable[str]) -> str:
    """Names for a message: sorted, bounded, ``none`` if there are none."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return (", ".join(ordered[:_LISTED]) or "none") + more


def nearest(name: str, valid: Collection[str]) -> str:
    """The valid name that is spelt most like this one, or an empty string."""
    folded = {v.casefold(): v for v in valid}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def suggest(name: str, valid: Collection[str]) -> str:
    """A fix: the nearest spelling, if any, and all that is allowed."""
    near = nearest(name, valid)
    return (f"did you mean '{near}'? " if near else "") + f"allowed: {listed(valid)}"
