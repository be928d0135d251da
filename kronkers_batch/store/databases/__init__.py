"""The kinds of databases that a warehouse can be in: what each does in its own way, one file a kind.

A file here is called as the addresses of its databases begin (``sqlite`` for ``sqlite:////PATH``), and its
``KIND`` is a subclass of :class:`Backend`. What the migrations make in it is committed in ``migrations/``,
one file a dialect. A kind whose databases are files of this machine has a line in ``config/databases.py``
too: what else may lead there is decided before anything is opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql.elements import ColumnElement

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import ConfigError, KronkersError
from kronkers_batch.families import Family
from kronkers_batch.store.shapes import Query

OPTION = "kronkers_database"
"""The execution option of an engine's connections that holds their :class:`Backend`."""
ADDRESS = "Write sqlite:////absolute/path.db"
_EVERY = 0.2  # seconds between two attempts to take a claim


class Backend(ABC):
    """A database at its address. Nothing is opened before :meth:`engine`.

    Args:
        url: Its SQLAlchemy URL.
        wait: Seconds that a transaction waits for another writer before it fails.

    Raises ConfigError where the address cannot be one of this kind.
    """

    dialect: ClassVar[str]
    """SQLAlchemy's name of its dialect; ``migrations/DIALECT.json`` says what they make there."""
    schema_in_memory: ClassVar[bool]
    """Whether a connection has the schema in memory, which may be older than the database's. Where it does,
    asking for :meth:`version` costs nothing, and counts for a second only."""
    keeps_deleted: ClassVar[bool]
    """Whether what was deleted stays in a log until :meth:`log_is_held` truncates it."""
    compares_indexes: ClassVar[bool]
    """Whether :meth:`require_whole` looks at anything."""

    def __init__(self, url: URL, wait: float) -> None:
        self.url, self.wait = url, wait

    @property
    def path(self) -> Path | None:
        """The file that it is in; None where it is on a server."""
        return None

    @property
    def where(self) -> str:
        """What messages call it: its path, or its URL without the password."""
        return str(self.path or self.url.render_as_string(hide_password=True))

    # ------------------------------------------------------------ opening

    @abstractmethod
    def engine(self) -> Engine:
        """Makes connections. Raises MissingPart where the driver is not installed.

        A transaction whose connection has the option ``transaction.WRITES`` holds from its beginning whatever
        keeps what it reads true until it writes, or waits for it.
        """

    @abstractmethod
    def options(self, *, write: bool) -> Mapping[str, object]:
        """Execution options of a transaction, so that all that a reading one sees is of one point in time."""

    @abstractmethod
    def is_there(self) -> bool:
        """Whether there is a place for tables already; False where :meth:`make_empty` would make one."""

    @abstractmethod
    def make_empty(self) -> None:
        """Makes an empty database, private to its owner, where there is none and it takes no server."""

    @abstractmethod
    def require_same(self, connection: Connection) -> None:
        """Refuses a database that was replaced under its connection, with IntegrityError."""

    @abstractmethod
    def fault(self, error: DBAPIError, where: str) -> KronkersError | None:
        """The error that a user can mend; None for a broken constraint or a mistake of the program.

        Args:
            error: What SQLAlchemy raised; its parameters are never read.
            where: What messages call the database.
        """

    # ------------------------------------------------------------ the schema

    @abstractmethod
    def objects(self, connection: Connection) -> dict[str, str]:
        """All that the schema holds, as the database itself understands it now, and what each is."""

    @abstractmethod
    def version(self, connection: Connection) -> object:
        """Another value after every change of what :meth:`objects` shows."""

    # ------------------------------------------------------------ alone

    @abstractmethod
    def serialise(self, connection: Connection, name: str) -> None:
        """Waits until no other write transaction holds ``name``, and holds it to the end of this one."""

    @abstractmethod
    def kept(self, query: Query) -> Query:
        """The query, whose rows nobody changes until the end of the write transaction that asks it."""

    @abstractmethod
    def claim(
        self, engine: Callable[[], Engine], name: str, wait: float
    ) -> contextlib.AbstractContextManager[bool]:
        """Alone with some work among all processes; gives whether it is held. See :mod:`..claims`.

        Args:
            engine: Gives connections of its own, where the claim is kept in the database.
            name: Of the work.
            wait: Seconds to wait for whoever holds it.

        It ends with the process, however that ends. Raises StoreError, DBAPIError.
        """

    # ------------------------------------------------------------ asking

    @abstractmethod
    def elements(self, data: str, width: int) -> list[ColumnElement[Any]]:
        """The columns of a table of questions that is handed over as one value.

        Args:
            data: A JSON list with one list a question.
            width: Values of each question.
        """

    @abstractmethod
    def require_whole(
        self, connection: Connection, where: str, tables: Iterable[Table] | None = None
    ) -> None:
        """Compares tables, or all of the database, with their indexes; raises IntegrityError.

        Who can write to a database's file can leave rows out of an index.
        """

    @abstractmethod
    def log_is_held(self, connection: Connection) -> bool:
        """Truncates the log that keeps what was deleted; whether a reader kept it from that."""


DATABASES: Family[type[Backend]] = Family(__name__)


def at(url: Secret, wait: float) -> Backend:
    """The database at an address. Raises ConfigError where that is none, or of no kind that is here."""
    try:
        parsed = make_url(url.reveal())
    except ArgumentError:
        raise ConfigError("the database URL is not valid", where="warehouse.url", fix=ADDRESS) from None
    kind = parsed.get_backend_name()
    if kind not in DATABASES:
        raise ConfigError(
            "the warehouse does not support this kind of database",
            where="warehouse.url",
            fix=f"Write the address of one of these: {', '.join(tuple(DATABASES))}",
        )
    return DATABASES[kind](parsed, wait)


def of(connection: Connection) -> Backend:
    """The database of a connection that :class:`..engine.Database` gave."""
    found: Backend = connection.get_execution_options()[OPTION]
    return found


def within(wait: float, attempt: Callable[[], bool]) -> bool:
    """Tries to take a claim until it has it, or for so many seconds; whether it has it."""
    until = time.monotonic() + wait
    while not (held := attempt()) and time.monotonic() < until:
        time.sleep(_EVERY)
    return held


def number(name: str) -> int:
    """A number for the name of a claim, from 0 to 2^62: the same in every process."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 2
