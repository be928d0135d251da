"""Retention: outputs that are older than their model declares are shredded, at the end of every run."""

from __future__ import annotations

import datetime as dt
import time

from kronkers_batch.errors import StoreError
from kronkers_batch.reports.page import Event
from kronkers_batch.steps import permits, rights, runlog
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
        The refs of what is gone. The run's record says it too, and where a reader still keeps deleted keys in
        the write-ahead log: the next run takes them out.
    """
    today = min(date, dt.datetime.now(dt.UTC).date())
    gone: list[str] = []
    for name, model in services.config.models.items():
        if model.retention is None or rights.refusal(services, name) is not None:
            continue
        if permits.refusal(services, name) is not None:  # nor does an unsigned retention delete anything
            continue
        started = time.monotonic()
        try:
            refs = services.warehouse.expire(name, today - model.retention)
        except StoreError as error:
            _record(services, name, "failed", str(error), started)
            continue
        gone += refs
        if refs:
            noun = "output" if len(refs) == 1 else "outputs"
            _record(services, name, "done", f"{len(refs)} {noun} past {model.retention.days} days", started)
    return gone


def _record(services: Services, name: str, state: str, message: str, started: float) -> None:
    if services.run_id:
        event = Event(name, "expire", state, time.monotonic() - started, message, "retention is over")
        runlog.record(services, services.run_id, services.model(name).department, event)
