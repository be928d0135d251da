"""Names and ids of principals: their form, which names look alike, and how a broken one is shown.

The form is that of models' names, plain ASCII, so that letters of other scripts that look the same cannot
occur. What still looks alike in ASCII is taken from the Unicode Consortium's list (UTS #39, confusables.txt):
``0`` and ``O``; ``1``, ``I`` and ``l``; ``rn`` and ``m``. Beyond it upper and lower case are one here, since
people take them for the same name; ``_`` and ``-`` count for nothing; and ``vv`` is ``w``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kronkers_batch import texts
from kronkers_batch.config.kinds import unsafe_name
from kronkers_batch.store.ids import is_id

RULE = "a letter, then letters, digits, '_' and '-'; at most 64 in all"
_SHOWN = 64
_SAME = str.maketrans({"0": "o", "1": "l", "i": "l", "_": None, "-": None})


def fits(name: str) -> bool:
    """Whether this can be the name of a principal."""
    return not unsafe_name(name)


def skeleton(name: str) -> str:
    """What is equal for two names that look alike; for comparing only."""
    # In this order: a separator between r and n does not hide them.
    return name.casefold().translate(_SAME).replace("rn", "m").replace("vv", "w")


def look_alike(name: str, taken: Iterable[str]) -> str:
    """One of the taken names that looks like this one, or is it; empty where none does."""
    mine = skeleton(name)
    return next((other for other in taken if skeleton(other) == mine), "")


def shown(name: str, principal_id: str = "") -> str:
    """A name as it stands in a message: one that breaks the rule is filtered, with its id."""
    if fits(name):
        return name
    plain = texts.one_line(name, _SHOWN)
    return f"{plain} (id {principal_id})" if is_id(principal_id) else f"{plain} (a name that breaks the rule)"
