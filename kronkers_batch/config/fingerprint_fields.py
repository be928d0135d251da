"""Which declared keys count for training, for scoring, or for neither, as their tables say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kronkers_batch.config.fields import Counts, Table
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.source_file import SOURCE


def counted(table: Table) -> dict[str, Counts]:
    """What each key of a table counts for, by its dotted name; of a mapping, each key below it."""
    return dict(_counted(table, "", table.counts))


def _counted(table: Table, prefix: str, above: Counts) -> Iterator[tuple[str, Counts]]:
    for key in table.fields:
        counts = key.counts or above
        if key.kind.table is None:
            yield f"{prefix}{key.name}", counts
        else:
            yield from _counted(key.kind.table, f"{prefix}{key.name}.", counts)


@cache
def model_keys() -> dict[str, Counts]:
    """What each key of a model counts for."""
    return counted(MODEL)


@cache
def source_keys() -> dict[str, Counts]:
    """What each key of a source counts for."""
    return counted(SOURCE)
