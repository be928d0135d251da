"""Bringing a database to this program's tables. Alembic is imported only when something is to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from kronkers_batch.errors import IntegrityError, StoreError
from kronkers_batch.store import databases, exact
from kronkers_batch.store.databases import Backend

Begin = Callable[[bool], AbstractContextManager[Connection]]
"""Begins a transaction; given is whether it writes."""

# Every revision in migrations/versions, oldest first; a test compares them.
REVISIONS = ("0001", "0002", "0003", "0004")
_SCRIPTS = Path(__file__).parent / "migrations"


def run(backend: Backend, begin: Begin, before_making: Callable[[], None]) -> None:
    """Upgrades to the newest revision; one look at the schema when the database is current.

    Args:
        backend: The database.
        begin: Begins a transaction in it, on whatever schema there is; given is whether it writes.
        before_making: Called before the first table or file is made.

    Raises StoreError when the database is newer than the program, or holds another program's tables,
    IntegrityError where its schema is not the one of its revision.
    """
    where = backend.where
    if not backend.is_there():
        before_making()
    backend.make_empty()
    with begin(False) as connection:
        there = exact.objects(connection)
        if revision(connection, where, there) == REVISIONS[-1]:
            exact.require(connection, where, there, REVISIONS[-1])
            return
    if not there:
        before_making()
    with begin(True) as connection:
        backend.serialise(connection, "migrate")
        # Asked again under the lock: another process may have been first.
        there = exact.objects(connection)
        found = revision(connection, where, there)
        if found is not None:
            exact.require(connection, where, there, found)
        if found != REVISIONS[-1]:
            upgrade(connection)
            exact.require(connection, where, exact.objects(connection), REVISIONS[-1])


def require_current(connection: Connection, where: str) -> None:
    """Refuses a database that is not exactly of this program's revision, at the beginning of a transaction.

    Raises StoreError where it is of another revision, IntegrityError where its schema was changed.
    """
    if exact.unchanged(connection):
        return
    there = exact.objects(connection)
    if revision(connection, where, there) != REVISIONS[-1]:
        raise StoreError(
            "the database does not have this program's tables yet",
            where=where,
            fix="Let its administrator run `kronkers plan`, which makes them.",
        )
    exact.require(connection, where, there, REVISIONS[-1])


def revision(connection: Connection, where: str, there: Mapping[str, str]) -> str | None:
    """The database's revision; None for an empty one. Raises StoreError and IntegrityError as :func:`run`.

    ``there`` is what its schema holds.
    """
    if not there:
        return None
    if "table alembic_version" not in there:
        raise StoreError(
            "the database holds another program's tables",
            where=where,
            fix="Create an empty database for Kronkers Batch, and write its address as warehouse.url.",
        )
    try:
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().fetchmany(2)
    except DBAPIError as error:
        raise databases.of(connection).fault(error, where) or error from error
    if len(rows) != 1 or not isinstance(rows[0], str):
        raise IntegrityError(
            "the table alembic_version must have one row, with the revision: somebody changed it",
            where=where,
            fix="Restore the last backup, and find out who can write to the database.",
        )
    if rows[0] not in REVISIONS:
        raise StoreError(
            "the database was upgraded by a newer version of this program",
            where=where,
            fix="Upgrade this installation, or restore a backup made before the upgrade.",
        )
    return rows[0]


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs the migrations up to a revision, in a write transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
