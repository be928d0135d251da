"""Retention: outputs older than their model declares are shredded, at the end of a run of the model."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable

from kronkers_batch.errors import StoreError, found_in
from kronkers_batch.reports.events import Event
from kronkers_batch.steps import permits, rights, runlog
from kronkers_batch.steps.services import Services


def expire_outputs(services: Services, date: dt.date, names: Iterable[str]) -> list[str]:
    """Shreds the outputs whose ``output.retention`` is over as of a run's logical date.

    Models that the caller may not run are left alone; whoever runs them expires them. The ledger has a line
    for each version.

    Args:
        services: The opened system.
        date: The run's logical date. As of a date in the future nothing is shredded: a slip of the keyboard
            must not cost what nobody can bring back.
        names: The models of the run; what others declare is left to their own runs.

    Returns:
        The refs of what is gone. The run's record says it too, and where a reader still keeps deleted keys in
        the write-ahead log: the next run takes them out.
    """
    gone: list[str] = []
    if date > dt.datetime.now(dt.UTC).date():
        return gone
    for name in names:
        model = services.model(name)
        if model.retention is None or rights.refusal(services, name) is not None:
            continue
        if permits.refusal(services, name) is not None:  # nor does an unsigned retention delete anything
            continue
        started = time.monotonic()
        try:
            refs = services.warehouse.expire(name, date - model.retention)
        except StoreError as error:
            _record(services, name, "failed", str(error), started, found_in(error))
            continue
        gone += refs
        if refs:
            noun = "output" if len(refs) == 1 else "outputs"
            _record(
                services,
                name,
                "done",
                f"{len(refs)} {noun} past {model.retention.days} days deleted",
                started,
            )
    return gone


def _record(services: Services, name: str, state: str, message: str, started: float, found: str = "") -> None:
    if services.run_id:
        event = Event(name, "expire", state, time.monotonic() - started, message, "retention is over")
        runlog.record(services, services.run_id, services.model(name).department, event, found)
