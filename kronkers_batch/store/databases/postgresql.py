"""PostgreSQL: a server, with many writers at a time."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    String,
    Table,
    cast,
    column,
    create_engine,
    event,
    func,
    literal,
    text,
)
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import JSON

from kronkers_batch.errors import KronkersError, MissingPart, StoreError
from kronkers_batch.store import faults
from kronkers_batch.store.databases import OPTION, Backend, number, within
from kronkers_batch.store.shapes import Query

_QUERIES = Path(__file__).parents[1] / "migrations"  # beside what they are compared with
_TIMEOUT = "Ask who set idle_in_transaction_session_timeout for this database or its user, and why."
_RETRY = "Two writers met and this one gave way. Run again."
# By SQLSTATE: exact, or its class.
_STATES: dict[str, tuple[str, str]] = {
    "55P03": ("the database is locked", faults.LOCKED),
    "57014": ("the database gave up waiting", faults.LOCKED),
    "25P03": ("the database server ended the transaction, which took longer than it allows", _TIMEOUT),
    "40": ("the database undid this transaction, because it conflicted with another one", _RETRY),
    "53": ("the database server is out of disk, memory or connections", faults.FULL),
    "25006": ("the database is read-only", "Connect to the primary server, not to a standby."),
    "28": ("the database refused the user or password", "Check the user and password in warehouse.url."),
    "3D": ("the database does not exist on the server", "Create it: createdb NAME"),
    "42501": ("the database user lacks a right", "Grant the user CREATE and USAGE on the schema."),
    "08": (
        "the database server cannot be reached",
        "Check that the server runs, and that the host and port in warehouse.url are right.",
    ),
    "57P": ("the database server is shutting down", "Run the command again when the server is back."),
}


class Postgresql(Backend):
    """A database on a server."""

    dialect = "postgresql"
    schema_in_memory = False
    keeps_deleted = False  # the log is the server's
    compares_indexes = False

    def engine(self) -> Engine:
        """Its connections keep to one schema, and wait for no lock for ever."""
        connect = {"client_encoding": "utf8"}  # whatever somebody set for the database or its user
        if "connect_timeout" not in self.url.query:
            connect["connect_timeout"] = str(max(int(self.wait), 2))
        try:
            # Parameters may be confidential: errors must not print them.
            engine = create_engine(
                self.url,
                hide_parameters=True,
                pool_pre_ping=True,
                pool_timeout=self.wait,
                connect_args=connect,
                execution_options={OPTION: self},
            )
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise MissingPart(
                "the database's driver is not installed",
                where="warehouse.url",
                fix="Install it into the program's environment: pip install 'psycopg[binary]'",
            ) from error
        event.listen(engine, "connect", functools.partial(pin, self.wait, self.where))
        return engine

    def options(self, *, write: bool) -> Mapping[str, object]:
        """What a reading transaction sees is of one point in time; a writing one sees what others commit."""
        return {} if write else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def is_there(self) -> bool:
        """Who runs the server has made it, or connecting says that it is missing."""
        return True

    def make_empty(self) -> None:
        """Nothing: it takes a right on the server that the program shall not need."""

    def require_same(self, connection: Connection) -> None:
        """Nothing: a connection to a server goes on with the database that it has open."""

    def fault(self, error: DBAPIError, where: str) -> KronkersError | None:
        """By SQLSTATE."""
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
        if isinstance(state, str):
            for length in (5, 3, 2):
                if known := _STATES.get(state[:length]):
                    return StoreError(known[0], where=where, fix=known[1])
            return None
        if error.connection_invalidated or type(error.orig).__name__ == "OperationalError":
            what, fix = _STATES["08"]
            return StoreError(what, where=where, fix=fix)
        return None

    def objects(self, connection: Connection) -> dict[str, str]:
        """Each object of the schema that the search path is pinned to."""
        rows = connection.exec_driver_sql(_query("objects")).all()
        return {str(name): str(definition or "") for name, definition in rows}

    def version(self, connection: Connection) -> object:
        """A digest of what :meth:`objects` shows; a tenth of its cost."""
        return connection.exec_driver_sql(_query("changed")).scalar_one()

    def serialise(self, connection: Connection, name: str) -> None:
        """An advisory lock of the transaction."""
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})

    def kept(self, query: Query) -> Query:
        """Others may read the rows and keep them too."""
        return query.with_for_update(read=True)

    @contextlib.contextmanager
    def claim(self, engine: Callable[[], Engine], name: str, wait: float) -> Iterator[bool]:
        """A lock of a connection of its own."""
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            values = {"number": number(name)}

            def attempt() -> bool:
                query = text("SELECT pg_try_advisory_lock(:number)")
                return bool(connection.execute(query, values).scalar_one())

            held = within(wait, attempt)
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), values)

    def elements(self, data: str, width: int) -> list[ColumnElement[Any]]:
        """By PostgreSQL's ``json_array_elements``."""
        each = func.json_array_elements(cast(literal(data, String), JSON)).table_valued(
            column("value", JSON), name="each"
        )
        return [each.c.value.op("->>")(i) for i in range(width)]

    def require_whole(
        self, connection: Connection, where: str, tables: Iterable[Table] | None = None
    ) -> None:
        """Nothing: it takes the server's own tool, amcheck."""

    def log_is_held(self, connection: Connection) -> bool:  # noqa: ARG002
        """Nothing is kept in a log of ours."""
        return False


KIND = Postgresql


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
            fix="Create a schema, and grant the user USAGE and CREATE on it. To name it, add "
            "?options=-csearch_path%3DNAME to the URL.",
        )
    connection.execute(f"SET search_path TO {schema}, pg_temp")
    connection.autocommit = before


@functools.cache
def _query(name: str) -> str:
    return (_QUERIES / f"postgresql_{name}.sql").read_text(encoding="utf-8")
