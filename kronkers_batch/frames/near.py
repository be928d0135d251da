"""Which found column name may be shown: one so much like a declared one that it says nothing new.

Names of columns are found texts: a file without its header has its first row there. So a found name is shown
only where whoever reads the declaration could have guessed it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_EDITS = 2
_LIKE = 0.6
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]{0,63}")


def near(declared: str, found: Iterable[str]) -> str:
    """The found name that is spelt most like a declared one; empty where none is close enough.

    Close is: a plain name, at most two letters put in, left out or exchanged (upper or lower case and
    separators aside), and more alike than not.
    """
    wanted = _bare(declared)
    close = [
        (difflib.SequenceMatcher(None, wanted, _bare(name)).ratio(), name)
        for name in found
        if _PLAIN.fullmatch(name) and _within(wanted, _bare(name), _EDITS)
    ]
    best = max(close, default=(0.0, ""))
    return best[1] if best[0] >= _LIKE else ""


def _bare(name: str) -> str:
    return re.sub(r"[_. -]", "", name.casefold())


def _within(one: str, other: str, edits: int) -> bool:
    """Whether so many edits of a letter lead from the one to the other."""
    if abs(len(one) - len(other)) > edits:
        return False
    before = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, there in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != there)))
        before = row
    return before[-1] <= edits
