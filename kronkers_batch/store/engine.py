"""The database: opened when first used, with read and write transactions that mean the same on both kinds."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kronkers_batch.config.spec import Secret
from kronkers_batch.errors import ConfigError, StoreError
from kronkers_batch.store import clock, connecting, exact, faults, pending, seen, transaction
from kronkers_batch.store.moment import Moments
from kronkers_batch.store.written import OPTION, Written

if TYPE_CHECKING:
    from kronkers_batch.store.claims import RunClaim

_SCRUB_SECONDS = 3.0  # how long a reader is waited for, in steps of
_SCRUB_EVERY = 0.1


class Database:
    """A SQLite file or a PostgreSQL database. Threads may share one; a forked child connects anew.

    Args:
        url: SQLAlchemy URL: ``sqlite:////absolute/path.db`` or ``postgresql+psycopg://...``.
        wait: Seconds that a transaction waits for another writer before it fails.
    """

    def __init__(self, url: Secret, *, wait: float = connecting.WAIT_MS / 1000) -> None:
        self._url, self._wait = url, wait
        self._engine: Engine | None = None
        self._looking: Engine | None = None
        self._process = 0
        self._lock = threading.Lock()
        self._claim: RunClaim | None = None
        self._moments = Moments(lambda: self._transaction(write=False))

    @cached_property
    def where(self) -> str:
        """What messages call it: the path, or the URL without its password."""
        path = self.path
        return str(path) if path else make_url(self._url.reveal()).render_as_string(hide_password=True)

    @cached_property
    def path(self) -> Path | None:
        """The SQLite file; None for PostgreSQL. Raises ConfigError on a URL that is none."""
        try:
            url = make_url(self._url.reveal())
        except ArgumentError:
            raise ConfigError(
                "the database URL is not one", where="warehouse.url", fix="Write sqlite:////absolute/path.db"
            ) from None
        if url.get_backend_name() != "sqlite":
            return None
        if not url.database or url.database == ":memory:":
            raise ConfigError(
                "the database must be a file", where="warehouse.url", fix="Write sqlite:////absolute/path.db"
            )
        return Path(url.database)

    @contextlib.contextmanager
    def read(self, *, anew: bool = False) -> Iterator[Connection]:
        """A read transaction: everything read in it is of one moment, which :meth:`one_moment` can widen.

        Args:
            anew: Whether it is a transaction of its own in any case, that looks at the schema again although
                nothing says that it changed.

        Raises StoreError when the database is missing, locked or unreadable, IntegrityError when damaged.
        """
        if anew:
            with self._transaction(write=False, anew=True) as connection:
                yield connection
            return
        with self._mapped(), self._moments.read() as connection:
            yield connection

    def one_moment(self) -> contextlib.AbstractContextManager[None]:
        """While the block runs, what this thread reads is of one moment, until it writes or takes a claim."""
        return self._moments.one()

    def end_moment(self) -> None:
        """Has this thread's next read begin anew. For who is about to wait: no log is kept from being
        truncated for as long as that takes.
        """
        self._moments.end()

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

        On SQLite it holds the only write lock from its first moment (BEGIN IMMEDIATE), so that what it reads
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
        from kronkers_batch.store import migrate

        migrate.run(self, before_making)

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
            do on PostgreSQL, whose log is the server's.

        Raises StoreError.
        """
        if self.path is None:
            return True
        self._moments.end()  # the caller's own reading is no reader to wait for
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
        """Truncates the write-ahead log; whether a reader kept it from that."""
        with self._mapped(), self._opened().connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            # Who waits in here holds the write lock: it is better to come back.
            raw.execute("PRAGMA busy_timeout=0")
            try:
                busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                busy = 1
            finally:
                raw.execute(f"PRAGMA busy_timeout={int(self._wait * 1000)}")
        return bool(busy)

    @contextlib.contextmanager
    def claim(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """Alone with a piece of work among all processes that claim it; see :mod:`.claims`.

        Args:
            name: What is done, such as ``output MODEL/DATE``.
            wait: Seconds to wait for who does it already.

        Gives whether it is held: not, where another process still holds it. Raises StoreError.
        """
        from kronkers_batch.store import claims

        self._moments.end()  # who waited for another wants to know what that one did
        if self.path is None:
            with self._mapped(), claims.on_server(self._opened(), name, wait) as held:
                yield held
            return
        with contextlib.ExitStack() as stack:
            try:
                held = stack.enter_context(claims.on_file(self.path, name, wait))
            except OSError as error:
                raise faults.from_system(error, self.where) from error
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
            self._moments.end()
        with self._mapped():
            engine = self._opened(looking=anew)
            options: dict[str, Any] = {
                connecting.WRITES: write,
                OPTION: Written(),
                seen.OPTION: None if write else seen.Seen(),
            }
            if engine.dialect.name == "postgresql" and not write:
                # As in SQLite, one read transaction sees one moment.
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            inside = transaction.writing() if write else contextlib.nullcontext()
            with inside, engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection

    @contextlib.contextmanager
    def _transaction(self, *, write: bool, anew: bool = False) -> Iterator[Connection]:
        """``anew``: as a connection sees it that was just opened, and has no older schema in memory."""
        from kronkers_batch.store import migrate

        with self.unchecked(write=write, anew=anew) as connection:
            if anew:
                exact.forget(connection)
            migrate.require_current(connection, self.where)
            raw: Any = connection.connection.dbapi_connection
            if isinstance(raw, connecting.FileConnection):
                raw.files.require_same()
            if write and self._claim is not None:
                self._claim.require(connection)
            yield connection

    @contextlib.contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if (mapped := faults.from_database(error, self.where)) is None:
                raise
            raise mapped from error
        except PoolTimeout as error:
            raise StoreError(
                "too many transactions at once", where=self.where, fix="Lower executor.workers."
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
                self._engine = connecting.make(self._url, self.path, self._wait, self.where)
            if not looking or self.path is None:
                return self._engine
            if self._looking is None:
                self._looking = connecting.make(self._url, self.path, self._wait, self.where)
            return self._looking


def serialise(connection: Connection, name: str) -> None:
    """Waits until no other write transaction holds ``name``, and holds it to the end of this one.

    On SQLite every write transaction is alone already; on PostgreSQL this takes an advisory lock.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
