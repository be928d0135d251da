"""Which columns of a file identify a row: known only once all rows were compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

_NAMED = re.compile(r"(?i)(?:.*[_ .-])?(?:id|key|uuid|guid|nr|no|number|code|index)\Z|.*[a-z]I[dD]\Z")
_IDENTIFY = (ColumnType.INTEGER, ColumnType.STRING, ColumnType.DATE, ColumnType.TIMESTAMP)
_MOST_PAIRED = 12
"""Columns whose pairs are tried."""


@dataclass
class _Candidate:
    """Columns that may be a key, and the hashes of their rows so far; None once two rows are equal."""

    columns: tuple[str, ...]
    hashes: list[pl.Series] | None = field(default_factory=list)

    def feed(self, frame: pl.DataFrame) -> None:
        if self.hashes is None:
            return
        part = frame.select(self.columns)
        hashes = part.hash_rows()
        if any(series.null_count() for series in part) or hashes.n_unique() < len(hashes):
            self.hashes = None
        else:
            self.hashes.append(hashes)

    def holds(self) -> bool:
        """Whether no two rows were equal."""
        import polars as pl

        if not self.hashes:
            return False
        together = pl.concat(self.hashes)
        return together.n_unique() == len(together)


def find(
    read: Callable[[], Iterable[pl.DataFrame]], schema: Schema, target: str, asked: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The columns that identify a row; empty where none or no pair does.

    Args:
        read: Gives all rows, each time anew.
        schema: Their columns.
        target: What is predicted; it is no part of a key.
        asked: Only these columns together are looked at.
    """
    if asked:
        return _identifying(read, [asked])
    names = [c.name for c in schema if c.type in _IDENTIFY and c.name != target]
    # A name says more than the values: in a small file, many a number occurs once.
    names.sort(key=lambda name: not _NAMED.match(name))  # else in the order of the file
    times = [c.name for c in schema if c.type in (ColumnType.DATE, ColumnType.TIMESTAMP)]
    alone = [name for name in names if name not in times]
    return _identifying(read, [(name,) for name in alone]) or _identifying(
        read, list(combinations(dict.fromkeys([*names[:_MOST_PAIRED], *times]), 2))
    )


def _identifying(read: Callable[[], Iterable[pl.DataFrame]], keys: list[tuple[str, ...]]) -> tuple[str, ...]:
    candidates = [_Candidate(key) for key in keys]
    for frame in read():
        if all(candidate.hashes is None for candidate in candidates):
            break
        for candidate in candidates:
            candidate.feed(frame)
    return next((c.columns for c in candidates if c.holds()), ())
