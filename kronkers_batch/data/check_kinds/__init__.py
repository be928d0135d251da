"""How every kind of check is judged: one module a kind, of the same name as where it is declared."""

from __future__ import annotations

from typing import Final

from kronkers_batch.data.judges import Judge
from kronkers_batch.families import Family

JUDGES: Final[Family[Judge]] = Family(__name__, Judge, "JUDGE")


def of(kind: str) -> Judge:
    """The judge of a kind. Raises ValueError without such a kind, TypeError where it has no judge."""
    if kind not in JUDGES:
        raise ValueError("there is no such kind of check")
    return JUDGES[kind]
