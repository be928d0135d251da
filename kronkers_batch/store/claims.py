"""Claims on work and on runs.

Claims on work: of several processes that would do the same work one does it, and the others wait for its
result.

A claim ends with its process, however that ends, so nothing is left to be cleaned up. It is no defence: who
waits too long goes on without it, and what may be written only once is decided in the database, as ever.

A claim on a run is kept in the database, as a token in the run's row, and every write transaction of the run
takes it: who lost the run, to a process that took it for dead or to one with a newer lease, writes nothing
any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, select, text

from kronkers_batch.errors import TakenOver
from kronkers_batch.store.tables.runs import runs

_EVERY = 0.2  # seconds between two attempts
_SUFFIX = "-claims"
_RUNNING = "running"


@dataclass(frozen=True)
class RunClaim:
    """The right to write for a run: its id, and the fencing token that its row had when it was taken."""

    run_id: str
    token: int

    def require(self, connection: Connection) -> None:
        """Takes the claim for a write transaction, to its end. Raises TakenOver where another has the run."""
        query = select(runs.c.token, runs.c.state).where(runs.c.id == self.run_id)
        row = connection.execute(query.with_for_update(read=True)).one_or_none()
        if row is None or (row.token, row.state) != (self.token, _RUNNING):
            raise TakenOver(
                "this run does not belong to this process any more: another one took it over, or ended it",
                where=f"run {self.run_id}",
                fix="What it published before stands, and nothing more was written. See `kronkers runs`, and "
                "run it again where its models are not done.",
            )


@contextlib.contextmanager
def on_file(database: Path, name: str, wait: float) -> Iterator[bool]:
    """A lock on one byte of a file beside a SQLite database, given up with the last of its descriptors.

    Args:
        database: The database's file.
        name: Of the work.
        wait: Seconds to wait for whoever holds it.

    Gives whether it is held. Raises OSError.
    """
    path = database.with_name(database.name + _SUFFIX)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        # Of the open file and not of the process: two threads exclude each other too.
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _number(name), 1, 0)

        def attempt() -> bool:
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
            except BlockingIOError:
                return False
            return True

        yield _within(wait, attempt)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def on_server(engine: Engine, name: str, wait: float) -> Iterator[bool]:
    """As :func:`on_file`, on a PostgreSQL server: a lock of a connection of its own."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        number = {"number": _number(name)}

        def attempt() -> bool:
            query = text("SELECT pg_try_advisory_lock(:number)")
            return bool(connection.execute(query, number).scalar_one())

        held = _within(wait, attempt)
        try:
            yield held
        finally:
            if held:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def _within(wait: float, attempt: Callable[[], bool]) -> bool:
    until = time.monotonic() + wait
    while not (held := attempt()) and time.monotonic() < until:
        time.sleep(_EVERY)
    return held


def _number(name: str) -> int:
    """A number for the name, from 0 to 2^62: the same in every process."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 2
