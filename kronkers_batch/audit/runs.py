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

from kronkers_batch.audit import alive, commits, runlog
from kronkers_batch.errors import NotFound
from kronkers_batch.events import outbox, subscribers
from kronkers_batch.events.types import RECOVERY, RUN, Commit, Event, Kind, RunRecord
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Verdict
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock, questions, seen
from kronkers_batch.store.claims import RunClaim
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.runs import events as events_table
from kronkers_batch.store.tables.runs import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"


@contextlib.contextmanager
def begun(
    services: Services,
    date: dt.date,
    trigger: str,
    models: Mapping[str, str],
) -> Iterator[str]:
    """Records that a run began, over these models (each with its department); gives its id.

    While the block runs, others see that the run is alive, and every write transaction of this process takes
    the run's claim: where another process took the run over, it raises TakenOver. Runs that were killed
    before are marked as such. Subscribers of this installation receive all that happens from the run's
    first event on.
    """
    place = subscribers.place_of(services.config.home)
    run_id, commit = new_id(), commits.of_definitions(services.config)
    with alive.held(services, run_id):
        _mark_dead(services)
        token = 1
        each = [(department, verdict.asked(model)) for model, department in models.items()]
        to_record = [("", _of_run(run_id, date.isoformat(), Kind.STARTED)), *each]
        keys = runlog.keys_of(services, to_record)
        with services.db.write() as connection:
            serialise(connection, "runs")
            # Their times rise, so that the newest is the newest also where a clock went back.
            newest = connection.execute(select(func.max(runs.c.started))).scalar() or 0
            started = max(clock.now(), newest + 1)
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    logical_date=date.isoformat(),
                    started=started,
                    state=RUNNING,
                    trigger=trigger,
                    token=token,
                    **_as_row(commit),
                )
            )
            subscribers.enrol(connection, place)
            runlog.record_all(services, connection, run_id, to_record, keys)
        with services.db.under(RunClaim(run_id, token)):
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

    ``seconds`` is how long it took; two times would not tell it where the clock was set meanwhile.
    """
    each = [(department, event) for department, one in verdicts for event in one.events()]
    keys = runlog.keys_of(services, each)
    with services.db.write() as connection:
        date = connection.execute(select(runs.c.logical_date).where(runs.c.id == run_id)).scalar_one()
        ended = {"finished": runs.c.started + round(seconds * 1e6), "state": state, "exit_code": exit_code}
        connection.execute(update(runs).where(runs.c.id == run_id).values(ended))
        well = _well_again(connection, run_id, verdicts)
        to_record = [*each, *well]
        kind = Kind.ENDED if state == FINISHED else Kind.INTERRUPTED
        to_record.append(("", _of_run(run_id, date, kind, state, seconds)))
        dated = [(department, replace(event, date=date)) for department, event in to_record]
        runlog.record_all(services, connection, run_id, dated, keys)


def _of_run(run_id: str, date: str, kind: Kind, state: str = RUNNING, seconds: float = 0.0) -> Event:
    """The event of a run itself; all of it lies in clear."""
    return Event("", RUN, state, seconds, "", "", kind=kind, subject=run_id, date=date)


def _well_again(
    connection: Connection, run_id: str, verdicts: Sequence[tuple[str, Verdict]]
) -> Iterator[tuple[str, Event]]:
    """Of models that are well now, those that were not when a run last concluded on them."""
    well = [(department, each) for department, each in verdicts if each.ok]
    before = _last_states(connection, run_id, [each.model for _, each in well])
    for department, each in well:
        states = [(part, before.get((each.model, part), verdict.NOT_DUE)) for part in verdict.PARTS]
        if bad := [f"{part} {was}" for part, was in states if not verdict.is_good(was)]:
            words = f"well again: before, {' and '.join(bad)}"
            yield department, Event(each.model, RECOVERY, "done", 0.0, words, "", kind=Kind.RECOVERED)


def _last_states(connection: Connection, run_id: str, models: Sequence[str]) -> dict[tuple[str, str], str]:
    """What became of each model's scoring and training in the last run before this one that says so."""
    found: dict[tuple[str, str], str] = {}
    e = events_table.c
    for some in seen.parts([(model, part) for model in models for part in verdict.PARTS]):
        # One look into an index for each: what is asked each night must not go through all events.
        asked = questions.asked(connection, questions.texts("model", "task"), some)
        query = select(e.state).where(e.model == asked.c.model, e.task == asked.c.task, e.run_id != run_id)
        last = query.order_by(e.position.desc()).limit(1).scalar_subquery().label("state")
        for row in connection.execute(select(asked.c.model, asked.c.task, last)).all():
            if row.state is not None:
                found[row.model, row.task] = row.state
    return found


def _as_row(commit: Commit | None) -> dict[str, object]:
    if commit is None:
        return {}
    clean = None if commit.clean is None else int(commit.clean)
    return {"commit_id": commit.id, "commit_author": commit.author, "commit_clean": clean}


def _mark_dead(services: Services) -> None:
    """Verdicts on their models are not written: they follow from the events, and may be for others."""
    query = select(runs.c.id, runs.c.logical_date).where(runs.c.state == RUNNING)
    with services.db.read() as connection:
        found = connection.execute(query).all()
    dead = [row for row in found if not alive.runs(services, row.id)]
    if not dead:
        return
    with services.db.write() as connection:
        for row in dead:
            # The token too: should it live after all, it writes nothing any more.
            change = update(runs).where(runs.c.id == row.id, runs.c.state == RUNNING)
            done = connection.execute(change.values(state=INTERRUPTED, token=runs.c.token + 1))
            if done.rowcount:
                event = _of_run(row.id, row.logical_date, Kind.INTERRUPTED, INTERRUPTED)
                runlog.record_in(services, connection, row.id, "", event)
    for row in dead:
        alive.forget(services, row.id)


def begun_by(services: Services, run_id: str) -> str:
    """The principal who began a run; empty where that is not known."""
    e = events_table.c
    query = select(e.principal).where(e.run_id == run_id, e.task == RUN, e.kind == Kind.STARTED)
    with services.db.read() as connection:
        return connection.execute(query).scalar() or ""


def get(services: Services, run_id: str) -> RunRecord:
    """A run. Raises NotFound."""
    with services.db.read() as connection:
        row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no run {run_id}", fix="See which there are: kronkers runs")
    return _record(services, row)


def of_date(services: Services, date: dt.date) -> list[RunRecord]:
    """The runs of a logical date, oldest first. Raises NotFound where there is none."""
    query = select(runs).where(runs.c.logical_date == date.isoformat()).order_by(runs.c.started, runs.c.id)
    with services.db.read() as connection:
        found = connection.execute(query).all()
    if not found:
        raise NotFound(
            f"there was no run of {date}",
            fix=f"See which there are: kronkers runs; to run this date: kronkers run --date {date}",
        )
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
    times = (row.id, row.logical_date, row.started, row.finished)
    found = RunRecord(*times, row.exit_code, row.state, row.trigger, outbox.commit_of(row))
    dead = found.state == RUNNING and not alive.runs(services, found.id)
    return replace(found, state=INTERRUPTED) if dead else found
