"""Engines: how a connection is made, and what holds for each of them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import functools
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import QueuePool

from kronkers_batch.config.spec import Secret
from kronkers_batch.errors import MissingPart, StoreError
from kronkers_batch.store import companions

WRITES = "kronkers_write"
"""The execution option of a connection that says whether its transactions write."""
WAIT_MS = 30_000
"""How long a transaction waits for another writer, in milliseconds."""
# Pieces of outputs are long: on pages of twice SQLite's usual size they are read in a fifth of the time, and
# written faster; only a new file takes it. WAL lets readers go on beside a writer; secure_delete overwrites
# what is deleted (shredded keys); sorting in memory leaves no temporary files; an untrusted schema runs no
# functions of its own.
_PRAGMAS = (
    "PRAGMA page_size=8192",
    f"PRAGMA busy_timeout={WAIT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)


class FileConnection(sqlite3.Connection):
    """One that knows which files it has open."""

    files: companions.Files


def make(url: Secret, path: Path | None, wait: float, where: str) -> Engine:
    """An engine for a database.

    Args:
        url: Its SQLAlchemy URL.
        path: The file, where it is SQLite's.
        wait: Seconds that a transaction waits for another writer before it fails.
        where: What messages call it.

    Raises MissingPart where the database's driver is not installed.
    """
    try:
        if path is not None:
            return _sqlite(path, wait)
        connect = {"client_encoding": "utf8"}  # whatever somebody set for the database or its user
        if "connect_timeout" not in make_url(url.reveal()).query:
            connect["connect_timeout"] = str(max(int(wait), 2))
        # Parameters may be confidential: errors must not print them.
        engine = create_engine(
            url.reveal(),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=wait,
            connect_args=connect,
        )
        event.listen(engine, "connect", functools.partial(pin, wait, where))
        return engine
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingPart(
            "the database's driver is not installed",
            where="warehouse.url",
            fix="Install it into the program's environment: pip install 'psycopg[binary]'",
        ) from error


def _sqlite(path: Path, wait: float) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path, wait),
        hide_parameters=True,
        pool_timeout=wait,
        poolclass=QueuePool,
        pool_size=5,
        max_overflow=20,
    )
    event.listen(engine, "connect", lambda connection, _record: prepare(wait, connection))
    event.listen(engine, "begin", _begin)
    return engine


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    companions.require_own(path)
    files = companions.Files(path)
    # mode=rw: a mistyped path is an error, not a new empty database; only migrate() makes one.
    opened = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        check_same_thread=False,
        isolation_level=None,  # transactions begin where _begin says
        timeout=wait,
        factory=FileConnection,
    )
    opened.files = files
    return opened


def pin(wait: float, where: str, connection: Any, _record: object) -> None:
    """One schema, whatever is put into others; and what is temporary comes last."""
    before, connection.autocommit = connection.autocommit, True
    # As for another writer of a SQLite file: who may lock a table could else have all wait for ever.
    connection.execute(f"SET lock_timeout TO {int(wait * 1000)}")
    schema = connection.execute("SELECT pg_catalog.quote_ident(pg_catalog.current_schema())").fetchone()[0]
    if schema is None:
        raise StoreError(
            "the database user has no schema to keep tables in",
            where=where,
            fix="Create one, and grant the user USAGE and CREATE on it; the URL's options may name it.",
        )
    connection.execute(f"SET search_path TO {schema}, pg_temp")
    connection.autocommit = before


def prepare(wait: float, connection: sqlite3.Connection) -> None:
    """Sets what holds for a connection to a SQLite file."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once where another wrote between.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
