"""SQLite: one file, with one writer at a time and readers beside it."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, String, Table, column, create_engine, event, func, literal
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.elements import ColumnElement

from kronkers_batch import private
from kronkers_batch.errors import ConfigError, IntegrityError, KronkersError, StoreError
from kronkers_batch.store import companions, faults, transaction
from kronkers_batch.store.databases import ADDRESS, OPTION, Backend, number, within
from kronkers_batch.store.shapes import Query

# Outputs are stored in long values: on pages of twice SQLite's usual size they are read in a fifth of the
# time, and written faster; only a new file takes it. WAL lets readers go on beside a writer; secure_delete
# overwrites what is deleted (shredded keys); sorting in memory leaves no temporary files; an untrusted schema
# runs no functions of its own.
_PRAGMAS = (
    "PRAGMA page_size=8192",
    "PRAGMA busy_timeout=30000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)
# What SQLite takes for space; Python takes more, which SQLite takes for letters of a name.
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CLAIMS = "-claims"
# Primary result codes (the low byte of an extended one).
_CODES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("the database is locked", faults.LOCKED),
    sqlite3.SQLITE_LOCKED: ("the database is locked", faults.LOCKED),
    sqlite3.SQLITE_FULL: ("the disk or the database's quota is full", faults.FULL),
    sqlite3.SQLITE_READONLY: ("the database or its folder is read-only", faults.READ_ONLY),
    sqlite3.SQLITE_PERM: ("the database may not be opened", faults.READ_ONLY),
    sqlite3.SQLITE_AUTH: ("the database may not be opened", faults.READ_ONLY),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", faults.PATH),
}


class _Connection(sqlite3.Connection):
    """One that knows which files it has open."""

    files: companions.Files


class Sqlite(Backend):
    """A file on this machine."""

    dialect = "sqlite"
    schema_in_memory = True
    keeps_deleted = True
    compares_indexes = True

    def __init__(self, url: URL, wait: float) -> None:
        super().__init__(url, wait)
        if not url.database or url.database == ":memory:":
            raise ConfigError("the database must be a file", where="warehouse.url", fix=ADDRESS)
        self._path = Path(url.database)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def engine(self) -> Engine:
        """Its connections are checked as they are opened, and begin as :data:`transaction.WRITES` says."""
        engine = create_engine(
            "sqlite://",
            creator=lambda: _connect(self.path, self.wait),
            hide_parameters=True,
            pool_timeout=self.wait,
            poolclass=QueuePool,
            pool_size=5,
            max_overflow=20,
            execution_options={OPTION: self},
        )
        event.listen(engine, "connect", lambda connection, _record: prepare(self.wait, connection))
        event.listen(engine, "begin", _begin)
        return engine

    def options(self, *, write: bool) -> Mapping[str, object]:  # noqa: ARG002
        """None: all that a transaction sees is of one point in time already."""
        return {}

    def is_there(self) -> bool:
        """Whether the file is there."""
        try:
            return self.path.exists()
        except OSError:
            return True  # what cannot be looked at is not made; opening it says why

    def make_empty(self) -> None:
        """An empty file of mode 0600 in a folder of mode 0700; leaves existing ones as they are."""
        try:
            if self.path.exists():
                return
            private.make_folder(self.path.parent)
            private.create(self.path, [])
        except FileExistsError:
            return  # somebody else made it just now
        except OSError as error:
            raise faults.from_system(error, str(self.path)) from error

    def require_same(self, connection: Connection) -> None:
        """Refuses to go on with a file or a log that is another one by now."""
        raw: Any = connection.connection.dbapi_connection
        raw.files.require_same()

    def fault(self, error: DBAPIError, where: str) -> KronkersError | None:
        """By SQLite's result code."""
        code = getattr(error.orig, "sqlite_errorcode", None)
        if isinstance(code, int):
            return _of_code(code, where)
        if isinstance(error.orig, sqlite3.OperationalError):  # without a code it is from Python's own part
            return IntegrityError(
                "a text in the database is not UTF-8: somebody changed it", where=where, fix=faults.DAMAGED
            )
        return None

    def objects(self, connection: Connection) -> dict[str, str]:
        """Each object's SQL, as it is in the file."""
        raw: Any = connection.connection.dbapi_connection
        # What this connection has in memory may be older than the file, and still have a trigger that was
        # taken out again: the number that tells of changes can be set by hand. So it reads the schema anew.
        raw.execute(
            "PRAGMA schema_version"
        ).fetchone()  # from here on the transaction is of one point in time
        raw.execute("PRAGMA writable_schema=RESET")
        rows = raw.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master").fetchall()
        roots = [root for _, _, _, root, _ in rows if root]
        found = {f"{kind} {name}": f"{table}: {_normal(sql)}" for kind, name, table, _, sql in rows}
        if len(set(roots)) != len(roots):
            found["two objects in one place"] = ""  # an index whose entries are another's
        return found

    def version(self, connection: Connection) -> object:
        """The number that SQLite counts changes by."""
        raw: Any = connection.connection.dbapi_connection
        return raw.execute("PRAGMA schema_version").fetchone()[0]

    def serialise(self, connection: Connection, name: str) -> None:
        """Every write transaction is alone already."""

    def kept(self, query: Query) -> Query:
        """Nobody else writes meanwhile."""
        return query

    @contextlib.contextmanager
    def claim(self, engine: Callable[[], Engine], name: str, wait: float) -> Iterator[bool]:  # noqa: ARG002
        """A lock on one byte of a file beside the database, given up with the last of its descriptors."""
        try:
            descriptor = _claims_file(self.path)
        except OSError as error:
            raise faults.from_system(error, self.where) from error
        try:
            # Of the open file and not of the process: two threads exclude each other too.
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, number(name), 1, 0)

            def attempt() -> bool:
                try:
                    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
                except BlockingIOError:
                    return False
                except OSError as error:
                    raise faults.from_system(error, self.where) from error
                return True

            yield within(wait, attempt)
        finally:
            os.close(descriptor)

    def elements(self, data: str, width: int) -> list[ColumnElement[Any]]:
        """By SQLite's ``json_each``."""
        each = func.json_each(literal(data)).table_valued(column("value", String), name="each")
        return [func.json_extract(each.c.value, f"$[{i}]") for i in range(width)]

    def require_whole(
        self, connection: Connection, where: str, tables: Iterable[Table] | None = None
    ) -> None:
        """By SQLite's ``integrity_check``, which compares each index with its table."""
        raw: Any = connection.connection.dbapi_connection
        for name in [""] if tables is None else [table.name for table in tables]:
            pragma = f"PRAGMA integrity_check({name})" if name else "PRAGMA integrity_check"
            if raw.execute(pragma).fetchone()[0] != "ok":
                raise IntegrityError(
                    "the database file is damaged, or an index does not have the rows of its table",
                    where=f"{where}, table {name}" if name else where,
                    fix="Restore the last backup, and find out who can write to the file. For "
                    "details: sqlite3 FILE 'PRAGMA integrity_check'",
                )

    def log_is_held(self, connection: Connection) -> bool:
        """Truncates the write-ahead log; whether a reader kept it from that."""
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
            raw.execute(f"PRAGMA busy_timeout={int(self.wait * 1000)}")
        return bool(busy)


KIND = Sqlite


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    companions.require_own(path)
    files = companions.Files(path)
    # mode=rw: a mistyped path is an error, not a new empty database; only a migration makes one.
    opened = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        check_same_thread=False,
        isolation_level=None,  # transactions begin where _begin says
        timeout=wait,
        factory=_Connection,
    )
    opened.files = files
    return opened


def prepare(wait: float, connection: sqlite3.Connection) -> None:
    """Sets what holds for a connection."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once where another wrote between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if transaction.writes(connection) else "BEGIN")


def _claims_file(database: Path) -> int:
    path = database.with_name(database.name + _CLAIMS)
    return private.open_kept(path, os.O_RDWR, closed=False)


@functools.lru_cache(maxsize=256)  # of some forty objects, again after each write
def _normal(sql: str | None) -> str:
    return _SPACE.sub(" ", sql or "").strip(" ")


def _of_code(code: int, where: str) -> KronkersError | None:
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return IntegrityError("the file is damaged, or is not a database", where=where, fix=faults.DAMAGED)
    if primary == sqlite3.SQLITE_CANTOPEN and _missing(Path(where)):
        return StoreError("there is no database here yet", where=where, fix=faults.PATH)
    if primary == sqlite3.SQLITE_IOERR:
        # A limit on file size and a full network disk come as input/output errors, not as SQLITE_FULL.
        return StoreError("the disk failed or is full", where=where, fix=faults.FULL)
    if known := _CODES.get(primary):
        return StoreError(known[0], where=where, fix=known[1])
    return None


def _missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it may be there; we may not look
    return False
