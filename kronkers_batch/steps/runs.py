"""Runs: begun with the models that are asked for, ended with a verdict on each, and kept.

A run that was killed has no end in the database. Whoever looks next sees that nothing runs it any more, and
shows it as interrupted; the next run writes that down.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from kronkers_batch.errors import NotFound
from kronkers_batch.events.types import RunRecord
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Verdict
from kronkers_batch.steps import alive, runlog
from kronkers_batch.steps.services import Services
from kronkers_batch.store import clock
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.runs import runs

if TYPE_CHECKING:
    from sqlalchemy import Row

RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"


@contextlib.contextmanager
def begun(services: Services, date: dt.date, trigger: str, models: Mapping[str, str]) -> Iterator[str]:
    """Records that a run began, over these models (each with its department); gives its id.

    While the block runs, others see that the run is alive. Runs that were killed before are marked as such.
    """
    run_id = new_id()
    with alive.held(services, run_id):
        _mark_dead(services)
        with services.db.write() as connection:
            serialise(connection, "runs")
            # Their moments rise, so that the newest is the newest also where a clock went back.
            newest = connection.execute(select(func.max(runs.c.started))).scalar() or 0
            started = max(clock.now(), newest + 1)
            connection.execute(
                insert(runs).values(
                    id=run_id, logical_date=date.isoformat(), started=started, state=RUNNING, trigger=trigger
                )
            )
            for model, department in models.items():
                runlog.record_in(services, connection, run_id, department, verdict.asked(model))
        yield run_id


def finish(
    services: Services,
    run_id: str,
    exit_code: int,
    verdicts: Sequence[tuple[str, Verdict]],
    state: str = FINISHED,
    *,
    seconds: float,
) -> None:
    """Records, in one transaction, that a run ended and what became of each model (with its department).

    ``seconds`` is how long it took; two moments would not tell it where the clock was set meanwhile.
    """
    with services.db.write() as connection:
        for department, each in verdicts:
            for event in each.events():
                runlog.record_in(services, connection, run_id, department, event)
        ended = {"finished": runs.c.started + round(seconds * 1e6), "state": state, "exit_code": exit_code}
        connection.execute(update(runs).where(runs.c.id == run_id).values(ended))


def _mark_dead(services: Services) -> None:
    """Verdicts on their models are not written: they follow from the events, and may be for others."""
    with services.db.read() as connection:
        ids = connection.execute(select(runs.c.id).where(runs.c.state == RUNNING)).scalars().all()
    dead = [run_id for run_id in ids if not alive.runs(services, run_id)]
    if not dead:
        return
    with services.db.write() as connection:
        connection.execute(update(runs).where(runs.c.id.in_(dead)).values(state=INTERRUPTED))
    for run_id in dead:
        alive.forget(services, run_id)


def get(services: Services, run_id: str) -> RunRecord:
    """A run. Raises NotFound."""
    with services.db.read() as connection:
        row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no run {run_id}", fix="kronkers runs lists what there is")
    return _record(services, row)


def of_date(services: Services, date: dt.date) -> list[RunRecord]:
    """The runs of a logical date, oldest first. Raises NotFound where there is none."""
    query = select(runs).where(runs.c.logical_date == date.isoformat()).order_by(runs.c.started, runs.c.id)
    with services.db.read() as connection:
        found = connection.execute(query).all()
    if not found:
        raise NotFound(f"there was no run of {date}", fix=f"kronkers run --date {date}")
    return [_record(services, row) for row in found]


def newest(services: Services, limit: int) -> list[RunRecord]:
    """The last runs, newest first."""
    query = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
    with services.db.read() as connection:
        return [_record(services, row) for row in connection.execute(query).all()]


def last(services: Services, date: dt.date) -> str:
    """The newest run of a logical date. Raises NotFound."""
    return of_date(services, date)[-1].id


def verdicts(services: Services, run: RunRecord) -> tuple[Verdict, ...]:
    """What became of each model of a run, of what the caller may see."""
    return verdict.of_run(list(runlog.events(services, run.id)), running=run.state == RUNNING)


def _record(services: Services, row: Row[tuple[object, ...]]) -> RunRecord:
    found = RunRecord(
        row.id, row.logical_date, row.started, row.finished, row.exit_code, row.state, row.trigger
    )
    dead = found.state == RUNNING and not alive.runs(services, found.id)
    return replace(found, state=INTERRUPTED) if dead else found
