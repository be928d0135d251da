"""The database: opened when first used, with read and write transactions that mean the same on every kind."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import StoreError
from kronkers_batch.store import clock, databases, exact, migrate, pending, seen, transaction
from kronkers_batch.store.shared_read import SharedReads
from kronkers_batch.store.written import OPTION, Written

if TYPE_CHECKING:
    from kronkers_batch.store.claims import RunClaim

_WAIT = 30.0  # seconds for another writer
_SCRUB_SECONDS = 3.0  # how long a reader is waited for, in steps of
_SCRUB_EVERY = 0.1


class Database:
    """A database of a kind of :mod:`.databases`. Threads may share one; a forked child connects anew.

    Args:
        url: SQLAlchemy URL: ``sqlite:////absolute/path.db`` or ``postgresql+psycopg://...``.
        wait: Seconds that a transaction waits for another writer before it fails.
    """

    def __init__(self, url: Secret, *, wait: float = _WAIT) -> None:
        self._url, self._wait = url, wait
        self._engine: Engine | None = None
        self._looking: Engine | None = None
        self._process = 0
        self._lock = threading.Lock()
        self._claim: RunClaim | None = None
        self._shared_reads = SharedReads(lambda: self._transaction(write=False))

    @cached_property
    def backend(self) -> databases.Backend:
        """What its kind does in its own way. Raises ConfigError on a URL that is none."""
        return databases.at(self._url, self._wait)

    @property
    def where(self) -> str:
        """What messages call it: the path, or the URL without its password."""
        return self.backend.where

    @cached_property
    def path(self) -> Path | None:
        """The file that it is in; None on a server. Raises ConfigError on a URL that is none."""
        return self.backend.path

    @contextlib.contextmanager
    def read(self, *, anew: bool = False) -> Iterator[Connection]:
        """A read transaction: everything read in it is of one time, which :meth:`one_read` can widen.

        Args:
            anew: Whether it is a transaction of its own in any case, that looks at the schema again although
                nothing says that it changed.

        Raises StoreError when the database is missing, locked or unreadable, IntegrityError when damaged.
        """
        if anew:
            with self._transaction(write=False, anew=True) as connection:
                yield connection
            return
        with self._mapped(), self._shared_reads.read() as connection:
            yield connection

    def one_read(self) -> contextlib.AbstractContextManager[None]:
        """While the block runs, what this thread reads is of one time, until it writes or takes a claim."""
        return self._shared_reads.one()

    def end_read(self) -> None:
        """Has this thread's next read begin anew. For who is about to wait: no log is kept from being
        truncated for as long as that takes.
        """
        self._shared_reads.end()

    @contextlib.contextmanager
    def reading(self, within: Connection | None) -> Iterator[Connection]:
        """The transaction that the caller has begun, or a read transaction for this block alone."""
        if within is not None:
            yield within
            return
        with self.read() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction: committed at the end, undone when the block raises.

        On SQLite it holds the only write lock from its first time (BEGIN IMMEDIATE), so that what it reads
        is still true when it writes. What was written through :mod:`.written` is read again after the commit.
        Raises as :meth:`read`, StoreError when the disk is full, IntegrityError where it is not there, and
        TakenOver where the run of :meth:`under` belongs to another process.
        """
        with self._transaction(write=True) as connection:
            yield connection
            written: Written = connection.get_execution_options()[OPTION]
        if written:
            with self._transaction(write=False, anew=True) as connection:
                written.require(connection, self.where)

    def migrate(self, before_making: Callable[[], None] = lambda: None) -> None:
        """Brings the tables to this program's revision; makes the database where there is none.

        A current one costs one query. ``before_making`` is called where there is no table yet, before one is
        made; what it raises leaves everything as it is. Raises StoreError when a newer program changed it.
        """
        migrate.run(self.backend, lambda write: self.unchecked(write=write), before_making)

    @contextlib.contextmanager
    def under(self, claim: RunClaim) -> Iterator[None]:
        """While the block runs, every write transaction of this object takes a run's claim.

        It raises TakenOver, and nothing of it is written, once the run's row says that another has it.
        """
        before, self._claim = self._claim, claim
        try:
            yield
        finally:
            self._claim = before

    @property
    def claim_of_run(self) -> RunClaim | None:
        """The claim that write transactions take; None outside a run."""
        return self._claim

    def scrub(self, patience: float = _SCRUB_SECONDS) -> bool:
        """Carries what was deleted out of the write-ahead log, so that shredded keys are gone from the disk.

        Args:
            patience: Seconds to wait for readers that hold the log.

        Returns:
            Whether it is done. Where not, :mod:`.pending` says so until a later call is. There is nothing to
            do where the log is a server's.

        Raises StoreError.
        """
        if not self.backend.keeps_deleted:
            return True
        self._shared_reads.end()  # the caller's own reading is no reader to wait for
        began, until = clock.now(), time.monotonic() + patience
        while busy := self._log_is_held():
            if time.monotonic() > until:
                break
            time.sleep(_SCRUB_EVERY)
        with self.unchecked(write=False) as connection:
            marked = pending.is_marked(connection, pending.SCRUB)
        if busy or marked:
            with self.write() as connection:
                if busy:
                    pending.mark(connection, pending.SCRUB)
                else:
                    pending.clear(connection, pending.SCRUB, upto=began)
        return not busy

    def _log_is_held(self) -> bool:
        with self._mapped(), self._opened().connect() as connection:
            return self.backend.log_is_held(connection)

    def require_whole(self, connection: Connection, tables: Iterable[Table] | None = None) -> None:
        """Compares tables, or all of the database, with their indexes and constraints, where its kind can.

        Raises IntegrityError.
        """
        self.backend.require_whole(connection, self.where, tables)

    @contextlib.contextmanager
    def claim(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """Alone with one unit of work among all processes that claim it; see :mod:`.claims`.

        Args:
            name: What is done, such as ``output MODEL/DATE``.
            wait: Seconds to wait for who does it already.

        Gives whether it is held: not, where another process still holds it. Raises StoreError.
        """
        self._shared_reads.end()  # who waited for another wants to know what that one did
        with self._mapped(), self.backend.claim(self._opened, name, wait) as held:
            yield held

    def close(self) -> None:
        """Closes all connections; the next use opens it again."""
        with self._lock:
            for engine in (self._engine, self._looking):
                if engine is not None and self._process == os.getpid():
                    engine.dispose()
            self._engine = self._looking = None

    @contextlib.contextmanager
    def unchecked(self, *, write: bool, anew: bool = False) -> Iterator[Connection]:
        """A transaction on whatever schema there is: for migrations, and for who looks at one.

        ``anew``: on a connection that is for nothing but looking. Its schema is read from the file each time,
        for which those that work would have to prepare all of their statements again.
        """
        if write:
            self._shared_reads.end()
        with self._mapped():
            engine = self._opened(looking=anew)
            options: dict[str, Any] = {
                **self.backend.options(write=write),
                transaction.WRITES: write,
                OPTION: Written(),
                seen.OPTION: None if write else seen.Seen(),
            }
            inside = transaction.writing() if write else contextlib.nullcontext()
            with inside, engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection

    @contextlib.contextmanager
    def _transaction(self, *, write: bool, anew: bool = False) -> Iterator[Connection]:
        """``anew``: as a connection sees it that was just opened, and has no older schema in memory."""
        with self.unchecked(write=write, anew=anew) as connection:
            if anew:
                exact.forget(connection)
            migrate.require_current(connection, self.where)
            self.backend.require_same(connection)
            if write and self._claim is not None:
                self._claim.require(connection)
            yield connection

    @contextlib.contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if (mapped := self.backend.fault(error, self.where)) is None:
                raise
            raise mapped from error
        except PoolTimeout as error:
            raise StoreError(
                "too many transactions run at once",
                where=self.where,
                fix="Lower executor.workers in conf/executor/.",
            ) from error

    def _opened(self, *, looking: bool = False) -> Engine:
        with self._lock:
            if self._process != os.getpid():
                # A forked child leaves the parent's connections alone: SQLite's must not be used or closed.
                for engine in (self._engine, self._looking):
                    if engine is not None:
                        engine.dispose(close=False)
                self._engine, self._looking, self._process = None, None, os.getpid()
            if self._engine is None:
                self._engine = self.backend.engine()
            if not looking or not self.backend.schema_in_memory:
                return self._engine
            if self._looking is None:
                self._looking = self.backend.engine()
            return self._looking


def serialise(connection: Connection, name: str) -> None:
    """Waits until no other write transaction holds ``name``, and holds it to the end of this one.

    Where every write transaction is alone already, as on SQLite, that is nothing.
    """
    databases.of(connection).serialise(connection, name)
