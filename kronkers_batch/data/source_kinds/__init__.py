"""How every kind of source is read: one module a kind, of the same name as where it is declared."""

from __future__ import annotations

from typing import Final

from kronkers_batch.data.source_reader import Reader
from kronkers_batch.families import Family

READERS: Final[Family[Reader]] = Family(__name__, Reader, "READER")


def of(kind: str) -> Reader:
    """The reader of a kind. Raises ValueError without such a kind, TypeError where it has no reader."""
    if kind not in READERS:
        raise ValueError("there is no such kind of source")
    return READERS[kind]
