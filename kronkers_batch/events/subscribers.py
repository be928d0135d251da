"""Subscribers: who receives every event at least once, also after a crash, and can fail nobody's run.

Each has a position of its own in the database, for each place (the home folder of an installation), and moves
it on after it took the events before it. So one that is killed takes the last ones again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, insert, select, update

from kronkers_batch import private
from kronkers_batch.errors import StoreError, described
from kronkers_batch.events import outbox
from kronkers_batch.events.outbox import Posted
from kronkers_batch.store import clock, faults, ids
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.runs import subscribers as table

PAGES, LOG = "pages", "log"
NAMES = (PAGES, LOG)
"""The subscribers that there are."""

_BATCH = 500
_WAIT = 30.0  # seconds for another command of this place that tells the same subscriber


class Subscriber(Protocol):
    """Who receives events."""

    name: str

    def take(self, events: Sequence[Posted]) -> list[str]:
        """Takes events in order; some may come twice. Returns warnings; where it raises they come again."""


def place_of(home: Path) -> str:
    """The id of an installation, kept in a file of its home folder; made where there is none.

    Raises StoreError, IntegrityError where the file holds something else.
    """
    path = home / "log" / "place"
    try:
        private.own_folder(path.parent)
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # another command of this place made it just now
                private.create(path, [ids.new_id().encode()])
        text = path.read_bytes()[: ids.LENGTH + 1].decode("ascii", "replace")
    except OSError as error:
        raise faults.from_system(error, str(path)) from None
    return ids.require(text, str(path))


def enrol(connection: Connection, place: str) -> None:
    """Has this place's subscribers receive what happens from now on, where they do not already."""
    there = connection.execute(select(table.c.name).where(table.c.place == place)).scalars().all()
    begin = outbox.newest(connection)
    for name in NAMES:
        if name not in there:
            row = {"name": name, "place": place, "position": begin, "at": clock.now()}
            connection.execute(insert(table).values(row))


def deliver(db: Database, home: Path, subscribers: Iterable[Subscriber]) -> list[str]:
    """Gives each subscriber what it did not receive yet; returns what failed, in words, and raises nothing.

    Args:
        db: Holds the events and the positions.
        home: The home folder; one that never began a run has no subscribers.
        subscribers: Who receives them.
    """
    warnings: list[str] = []
    with contextlib.ExitStack() as claims:
        waiting: list[Subscriber] = []
        for one in subscribers:
            with _as_warning(one, warnings):
                _claim(db, place_of(home), one, claims)
                waiting.append(one)
        while waiting:
            read: list[tuple[Subscriber, list[Posted]]] = []
            for one in waiting:  # of one time, before any of them moves on
                with _as_warning(one, warnings):
                    read.append((one, _next(db, place_of(home), one)))
            waiting = []
            for one, events in read:
                with _as_warning(one, warnings):
                    if events:
                        warnings += one.take(events)
                        _move(db, place_of(home), one, events[-1].position)
                    if len(events) == _BATCH:
                        waiting.append(one)
    return warnings


@contextlib.contextmanager
def _as_warning(one: Subscriber, warnings: list[str]) -> Iterator[None]:
    """Tells an error, also one that nobody foresaw: a run that is done stays so."""
    try:
        yield
    except Exception as error:
        warnings.append(f"{one.name}: not written yet; the next run tries again. {described(error)}")


def _claim(db: Database, place: str, one: Subscriber, claims: contextlib.ExitStack) -> None:
    """Holds a subscriber until ``claims`` is closed; all commands claim them in one order."""
    if not claims.enter_context(db.claim(f"subscriber {one.name} {place}", wait=_WAIT)):
        raise StoreError(
            "another command keeps the table of events locked",
            where=str(db.where),
            fix="Nothing to do: the next command writes the missing events.",
        )


def _next(db: Database, place: str, one: Subscriber) -> list[Posted]:
    """The events that it receives next; none where it was never enrolled."""
    with db.read() as connection:
        query = select(table.c.position).where(table.c.name == one.name, table.c.place == place)
        position = connection.execute(query).scalar()
        return [] if position is None else outbox.after(connection, position, _BATCH)


def _move(db: Database, place: str, one: Subscriber, position: int) -> None:
    """Keeps that it took the events up to a position."""
    mine = (table.c.name == one.name, table.c.place == place)
    with db.write() as connection:
        connection.execute(update(table).where(*mine).values(position=position, at=clock.now()))
