"""Retention: outputs that are older than their model declares are shredded, at the end of every run."""

from __future__ import annotations

import datetime as dt

from kronkers_batch.steps import permits, rights
from kronkers_batch.steps.services import Services


def expire_outputs(services: Services, date: dt.date) -> list[str]:
    """Shreds the outputs whose ``output.retention`` is over as of a run's logical date.

    Models that the caller may not run are left alone; whoever runs them expires them. The ledger has a line
    for each version.

    Args:
        services: The opened system.
        date: The run's logical date. A date in the future counts as today: a slip of the keyboard must not
            shred everything.

    Returns:
        The refs of what is gone. Raises StoreError where a reader keeps deleted keys in the log.
    """
    today = min(date, dt.datetime.now(dt.UTC).date())
    gone: list[str] = []
    for name, model in services.config.models.items():
        if model.retention is None or rights.refusal(services, name) is not None:
            continue
        if permits.refusal(services, name) is not None:  # nor does an unsigned retention delete anything
            continue
        gone += services.warehouse.expire(name, today - model.retention)
    return gone
