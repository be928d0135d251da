"""Decrypted outputs, for those who hold the key: what ``read`` and ``sql`` and their Python functions do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kronkers_batch.access import rights
from kronkers_batch.errors import NotFound
from kronkers_batch.session.services import Services
from kronkers_batch.warehouse.entity_keys import Key
from kronkers_batch.warehouse.output_rows import READ, SQL, Recorded

if TYPE_CHECKING:
    import polars as pl


def read(
    services: Services,
    model: str,
    *,
    date: dt.date | None = None,
    version: int | None = None,
    at: int | None = None,
    keys: Sequence[Key] | None = None,
    recorded: Recorded = READ,
) -> Iterator[pl.DataFrame]:
    """The rows of a model's outputs, at least one frame; recorded in the ledger before this returns.

    Args:
        services: The opened system.
        model: Its name.
        date: One logical date; None reads every published one, with the date in front.
        version: This version of that date, not its head.
        at: What readers saw at this time (microseconds UTC).
        keys: Only the rows of these keys, with the date in front.
        recorded: What the ledger says of it: the action, and details.

    Raises:
        AccessRefused: The caller may not read the model. NotFound: there is no such output, or row.
        StoreError: The read cannot be recorded. UsageError, IntegrityError.
    """
    may = rights.asked(services, "read", model)
    warehouse = services.warehouse
    if keys is None:
        return warehouse.rows.read(
            model, date=date, version=version, at=at, dated=date is None, recorded=recorded, may=may
        )
    frame = warehouse.rows.lookup(model, keys, date=date, version=version, at=at, recorded=recorded, may=may)
    if not frame.height:
        raise NotFound(
            f"{model} has no row with this key",
            fix=f"check the values of the key, and their order; see the dates: kronkers outputs {model}",
        )
    return iter([frame])


def sql(services: Services, query: str, *, recorded: Recorded = SQL) -> pl.DataFrame:
    """The result of one SELECT over the outputs that the caller can decrypt. Raises as :func:`read`."""
    rights.seen(services, "sql")
    # Every declared name may stand in it; naming one that the caller may not read is refused by its keys.
    return services.warehouse.rows.sql(query, list(services.config.models), recorded=recorded)
