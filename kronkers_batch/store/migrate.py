"""Bringing a database to this program's tables. Alembic is imported only when something is to be done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from kronkers_batch import private
from kronkers_batch.config.spec import Secret
from kronkers_batch.errors import IntegrityError, StoreError
from kronkers_batch.store import exact, faults
from kronkers_batch.store.engine import Database, serialise

# Every revision in migrations/versions, oldest first; a test compares them.
REVISIONS = ("0001", "0002", "0003", "0004")
_SCRIPTS = Path(__file__).parent / "migrations"


def run(database: Database, before_making: Callable[[], None] = lambda: None) -> None:
    """Upgrades to the newest revision; one look at the schema when the database is current.

    ``before_making`` is called before the first table or file is made. Raises StoreError when the database is
    newer than the program, or holds another program's tables, IntegrityError where its schema is not the one
    of its revision.
    """
    where = database.where
    if database.path is not None:
        if not _there(database.path):
            before_making()
        _make_file(database.path)
    with database.unchecked(write=False) as connection:
        there = exact.objects(connection)
        if revision(connection, where, there) == REVISIONS[-1]:
            exact.require(connection, where, there, REVISIONS[-1])
            return
    if not there:
        before_making()
    with database.unchecked(write=True) as connection:
        serialise(connection, "migrate")
        # Asked again under the lock: another process may have been first.
        there = exact.objects(connection)
        found = revision(connection, where, there)
        if found is not None:
            exact.require(connection, where, there, found)
        if found != REVISIONS[-1]:
            _upgrade(connection)
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
            fix="Run `kronkers plan`, which brings it to this version.",
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
            fix="Give Kronkers Batch a database of its own: warehouse.url",
        )
    try:
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().fetchmany(2)
    except DBAPIError as error:
        raise faults.from_database(error, where) or error from error
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


def made_by_migrations(url: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The kind of an empty database, and by revision what the migrations make in it.

    Args:
        url: Of an empty PostgreSQL database; empty for SQLite.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Secret(url or f"sqlite:///{folder}/x.db"))
        if database.path is not None:
            _make_file(database.path)
        made = {}
        for one in REVISIONS:
            with database.unchecked(write=True) as connection:
                _upgrade(connection, one)
                made[one] = exact.objects(connection)
                kind = connection.dialect.name
        database.close()
    return kind, made


def _upgrade(connection: Connection, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # what cannot be looked at is not made; opening it says why


def _make_file(path: Path) -> None:
    """An empty file of mode 0600 in a folder of mode 0700; leaves existing ones as they are."""
    try:
        if path.exists():
            return
        private.make_folder(path.parent)
        private.create(path, [])
    except FileExistsError:
        return  # somebody else made it just now
    except OSError as error:
        raise faults.from_system(error, str(path)) from error
