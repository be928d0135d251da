"""Retention: outputs older than their model declares are shredded, at the end of a good run of the model.

What is deleted cannot be brought back, and what is old is said by dates and a clock. So a run deletes by
itself what nights delete: the outputs that became due lately, and never most of what there is. A date far
from the outputs (a clock that is years ahead, say) makes them all long due; then somebody must say the word.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.access import authorisation, rights
from kronkers_batch.audit import runlog
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.errors import StoreError, found_in
from kronkers_batch.events.types import Event, Kind
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    from sqlalchemy import Connection

LATELY = dt.timedelta(days=31)
"""How long outputs may have been due for a run to delete them by itself."""


def expire_outputs(
    services: Services, date: dt.date, names: Iterable[str], delete_expired: bool = False
) -> list[str]:
    """Shreds the outputs whose ``output.retention`` is over as of a run's logical date.

    Only of models whose output of that date is published: a run that made nothing deletes nothing. Models
    that the caller may not run are left alone; whoever runs them expires them. The ledger has a line for each
    version, and the run's record says what was deleted, and what was not and why.

    Args:
        services: The opened system.
        date: The run's logical date.
        names: The models of which the run was good; what others declare is left to their own runs.
        delete_expired: Whether somebody said to delete also what a run does not delete by itself.

    Returns:
        The refs of what is gone. Where a reader still keeps deleted keys in the write-ahead log the run's
        record says so: the next run takes them out.
    """
    gone: list[str] = []
    for name in names:
        model = services.model(name)
        if model.retention is None or rights.refusal(services, name) is not None:
            continue
        if (
            authorisation.refusal(services, name) is not None
        ):  # nor does an unsigned retention delete anything
            continue
        started, before = time.monotonic(), date - model.retention
        dates = services.warehouse.dates(name)
        due = [one for one in dates if one < before]
        if not due or not services.warehouse.has_head(name, date):
            continue
        past = f"past {model.retention.days} days"
        if (why := _held_back(date, before, due, dates)) and not delete_expired:
            words = f"the outputs of {len(due)} dates, {past}, are not deleted: {why}"
            deletes = f"kronkers run {name} --date {date} --delete-expired"
            fix = f"see kronkers outputs {name}; to delete them: {deletes}"
            _record(services, name, "held", f"{words}\n  -> {fix}", started)
            continue
        try:
            occasion = Occasion(
                services, name, model.department, "expire", "retention is over", str(date), started
            )
            refs = services.warehouse.expire(name, before, event=partial(_write_event, occasion, past))
        except StoreError as error:
            _record(services, name, "failed", str(error), started, found_in(error))
            continue
        gone += refs
    return gone


def _write_event(occasion: Occasion, past: str, connection: Connection, refs: list[str]) -> None:
    noun = "output" if len(refs) == 1 else "outputs"
    occasion.tell(connection, Kind.EXPIRED, "done", f"{len(refs)} {noun} {past} deleted")


def _held_back(date: dt.date, before: dt.date, due: Sequence[dt.date], dates: Sequence[dt.date]) -> str:
    """Why a run does not delete these by itself; empty where it does."""
    if date > dt.datetime.now(dt.UTC).date():
        return f"{date} lies in the future"
    if before - min(due) > LATELY:
        since, most = (before - min(due)).days, LATELY.days
        return (
            f"the oldest expired {since} days ago; by itself a run deletes what expired up to {most} days ago"
        )
    if 2 * len(due) > len(dates):
        return f"they are more than half of the {len(dates)} that there are"
    return ""


def _record(services: Services, name: str, state: str, message: str, started: float, found: str = "") -> None:
    if services.run_id:
        event = Event(name, "expire", state, time.monotonic() - started, message, "retention is over")
        runlog.record(services, services.run_id, services.model(name).department, event, found)
