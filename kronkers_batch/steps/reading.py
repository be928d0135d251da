"""Decrypted outputs, for those who hold the key: what ``read`` and ``sql`` and their Python functions do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kronkers_batch.errors import NotFound, UsageError
from kronkers_batch.steps import rights
from kronkers_batch.steps.services import Services
from kronkers_batch.warehouse.warehouse import READ, SQL, Told

if TYPE_CHECKING:
    import polars as pl

Key = Mapping[str, Any] | Sequence[Any] | Any
"""One row's key: values by key column (also of some columns only), all values in the key's order, or the one
value of a key of one column."""


def read(
    services: Services,
    model: str,
    *,
    date: dt.date | None = None,
    version: int | None = None,
    at: int | None = None,
    keys: Sequence[Key] | None = None,
    told: Told = READ,
) -> Iterator[pl.DataFrame]:
    """The rows of a model's outputs, at least one frame; recorded in the ledger before this returns.

    Args:
        services: The opened system.
        model: Its name.
        date: One logical date; None reads every published one, with the date in front.
        version: This version of that date, not its head.
        at: What readers saw at this moment (microseconds UTC).
        keys: Only the rows of these keys, with the date in front.
        told: What the ledger says of it: the action, and details.

    Raises:
        AccessRefused: The caller may not read the model. NotFound: there is no such output, or row.
        StoreError: The read cannot be recorded. UsageError, IntegrityError.
    """
    rights.require(services, "read", model)
    warehouse = services.warehouse
    if keys is None:
        return warehouse.read(model, date=date, version=version, at=at, dated=date is None, told=told)
    wanted = _by_column(services, model, keys)
    frame = warehouse.lookup(model, wanted, date=date, version=version, at=at, told=told)
    if not frame.height:
        raise NotFound(f"{model} has no row with this key", fix="check the key's values and their order")
    return iter([frame])


def _by_column(services: Services, model: str, keys: Sequence[Key]) -> list[Mapping[str, Any]]:
    columns = services.warehouse.key_columns(model)
    named: list[Mapping[str, Any]] = []
    for key in keys:
        values = key if isinstance(key, Sequence) and not isinstance(key, str) else [key]
        if not isinstance(key, Mapping) and len(values) != len(columns):
            raise UsageError(
                f"a key of {model} has {len(columns)} value(s), not {len(values)}",
                fix=f"Give: {', '.join(columns)}",
            )
        named.append(key if isinstance(key, Mapping) else dict(zip(columns, values, strict=True)))
    return named


def sql(services: Services, query: str, *, told: Told = SQL) -> pl.DataFrame:
    """The result of one SELECT over the outputs that the caller can decrypt. Raises as :func:`read`."""
    rights.seen(services, "sql")
    # Every declared name may stand in it; naming one that the caller may not read is refused by its keys.
    return services.warehouse.sql(query, list(services.config.models), told=told)
