"""Bringing a database to this program's tables. Alembic is imported only when something is to be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from kronkers_batch import private
from kronkers_batch.errors import StoreError
from kronkers_batch.store import faults

if TYPE_CHECKING:
    from kronkers_batch.store.engine import Database

# Every revision in migrations/versions, oldest first; a test compares them.
REVISIONS = ("0001",)
_SCRIPTS = Path(__file__).parent / "migrations"


def run(database: Database) -> None:
    """Upgrades to the newest revision; one query when the database is current.

    Raises StoreError when the database is newer than the program, or holds another program's tables.
    """
    if database.path is not None:
        _make_file(database.path)
    with database.read() as connection:
        if revision(connection, database.where) == REVISIONS[-1]:
            return
    with database.write() as connection:
        # Asked again under the lock: another process may have been first.
        if revision(connection, database.where) != REVISIONS[-1]:
            _upgrade(connection)


def revision(connection: Connection, where: str) -> str | None:
    """The database's revision; None for an empty one. Raises StoreError as :func:`run`."""
    if connection.dialect.name == "sqlite":
        marks = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        tables = set(marks)
    else:
        tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise StoreError(
                "the database holds another program's tables",
                where=where,
                fix="Give Kronkers Batch a database of its own: warehouse.url",
            )
        return None
    try:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DBAPIError as error:
        raise faults.from_database(error, where) or error from error
    if found is not None and found not in REVISIONS:
        raise StoreError(
            "the database was upgraded by a newer version of this program",
            where=where,
            fix="Upgrade this installation, or restore a backup made before the upgrade.",
        )
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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
