"""What a command could not finish because something else was in the way, and the next ones try again.

A row says so from the transaction that made the work necessary to the time at which it is done: neither a
busy reader nor a crash in between makes anybody believe that it was.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from kronkers_batch.store import clock, databases
from kronkers_batch.store.tables.runs import pending

SCRUB = "scrub"
"""Deleted keys are to be carried out of the write-ahead log."""
CHECKPOINT = "checkpoint"
"""A checkpoint of the ledger is to be written, by one principal."""


def mark(connection: Connection, what: str, who: str = "") -> None:
    """Says that it is to be done, in a write transaction; again says that it is as of now."""
    mine = (pending.c.what == what, pending.c.who == who)
    if not connection.execute(update(pending).where(*mine).values(since=clock.now())).rowcount:
        connection.execute(insert(pending).values(what=what, who=who, since=clock.now()))


def mark_deleted_keys(connection: Connection) -> None:
    """In the transaction that deletes keys: they may be in a log of the database's own still."""
    if databases.of(connection).keeps_deleted:
        mark(connection, SCRUB)


def clear(connection: Connection, what: str, who: str = "", *, upto: int) -> None:
    """Says that it is done, of what was to be done at this time (microseconds UTC)."""
    mine = (pending.c.what == what, pending.c.who == who, pending.c.since <= upto)
    connection.execute(delete(pending).where(*mine))


def is_marked(connection: Connection, what: str, who: str = "") -> bool:
    """Whether it is still to be done."""
    query = select(pending.c.since).where(pending.c.what == what, pending.c.who == who)
    return connection.execute(query).first() is not None
