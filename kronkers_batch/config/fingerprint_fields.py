"""Which declared keys count for training, for scoring, or for neither: of models, as their table says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kronkers_batch.config.fields import Counts, Table
from kronkers_batch.config.model_file import MODEL


def counted(table: Table) -> dict[str, Counts]:
    """What each key of a table counts for, by its dotted name; of a mapping, each key below it."""
    return dict(_counted(table, "", Counts.TRAINING))


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


SOURCE_FIELDS: dict[str, Counts] = {
    "name": Counts.NEVER,
    "department": Counts.NEVER,
    "description": Counts.NEVER,
    "kind": Counts.BOTH,
    "schema": Counts.BOTH,
    "key": Counts.NEVER,  # a model's key counts, where it is used
    "time_column": Counts.BOTH,
    "checks": Counts.BOTH,
    "shared_with": Counts.NEVER,
    "origin": Counts.NEVER,
    "path": Counts.NEVER,  # a moved checkout trains nothing anew; for scoring the source's identity counts
    "package": Counts.BOTH,
    "url": Counts.NEVER,  # a secret
    "query": Counts.BOTH,
    "watermark": Counts.NEVER,
    "inputs": Counts.BOTH,
    "output": Counts.BOTH,
    "csv": Counts.BOTH,
    "options": Counts.BOTH,
    "memory": Counts.NEVER,
    "time_limit": Counts.NEVER,
}
