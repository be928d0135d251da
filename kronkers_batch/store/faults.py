"""What the database and the file system refuse, in words that say what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.errors import IntegrityError, KronkersError, StoreError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

_LOCKED = "Another program has been writing to it for 30 seconds. Let it finish (or stop it), then run again."
_FULL = "Make room on the disk, then run again: what was finished is kept, the rest is done then."
_READ_ONLY = "Give the user that runs kronkers the right to write to this file and its folder."
_MOUNTED = "Mount it for writing; if it was, its disk may be damaged: see the system's log."
_PATH = "Check the path in conf/warehouse/, and that the user that runs kronkers may enter its folders."
_DAMAGED = "Do not write to it any more. Restore it from the last backup."
_TIMEOUT = "Ask who set idle_in_transaction_session_timeout for this database or its user, and why."
_RETRY = "Two writers met and this one gave way. Run again."

# SQLite's primary result codes (the low byte of an extended one).
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("the database is locked", _LOCKED),
    sqlite3.SQLITE_LOCKED: ("the database is locked", _LOCKED),
    sqlite3.SQLITE_FULL: ("the disk or the database's quota is full", _FULL),
    sqlite3.SQLITE_READONLY: ("the database or its folder is read-only", _READ_ONLY),
    sqlite3.SQLITE_PERM: ("the database may not be opened", _READ_ONLY),
    sqlite3.SQLITE_AUTH: ("the database may not be opened", _READ_ONLY),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", _PATH),
}

# PostgreSQL's SQLSTATE: exact, or its class of two characters.
_POSTGRES: dict[str, tuple[str, str]] = {
    "55P03": ("the database is locked", _LOCKED),
    "57014": ("the database gave up waiting", _LOCKED),
    "25P03": ("the database server ended the transaction, which took longer than it allows", _TIMEOUT),
    "40": ("the database undid this transaction for another's sake", _RETRY),
    "53": ("the database server is out of disk, memory or connections", _FULL),
    "25006": ("the database is read-only", "Connect to the primary server, not to a standby."),
    "28": ("the database refused the user or password", "Check the URL's user and password."),
    "3D": ("the database does not exist on the server", "Create it: createdb NAME"),
    "42501": ("the database user lacks a right", "Grant it CREATE and USAGE on the schema."),
    "08": ("the database server cannot be reached", "Check that it runs and that the URL's host is right."),
    "57P": ("the database server is shutting down", "Run again when it is back."),
}


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def from_database(error: DBAPIError, where: str) -> KronkersError | None:
    """The error that a user can mend, or None where it is a broken constraint or a mistake of the program.

    Args:
        error: What SQLAlchemy raised; its parameters are never read.
        where: The database, without password.
    """
    original = error.orig
    code = getattr(original, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _from_sqlite(code, where)
    if isinstance(original, sqlite3.OperationalError):  # without a code it is from Python's own part
        return IntegrityError(
            "a text in the database is no UTF-8: somebody changed it", where=where, fix=_DAMAGED
        )
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str):
        for length in (5, 3, 2):
            if known := _POSTGRES.get(state[:length]):
                return StoreError(known[0], where=where, fix=known[1])
        return None
    if error.connection_invalidated or type(original).__name__ == "OperationalError":
        what, fix = _POSTGRES["08"]
        return StoreError(what, where=where, fix=fix)
    return None


def _from_sqlite(code: int, where: str) -> KronkersError | None:
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return IntegrityError("the database file is damaged or is no database", where=where, fix=_DAMAGED)
    if primary == sqlite3.SQLITE_CANTOPEN and _missing(Path(where)):
        return StoreError("there is no database here yet", where=where, fix=_PATH)
    if primary == sqlite3.SQLITE_IOERR:
        # A limit on file size and a full network disk come as input/output errors, not as SQLITE_FULL.
        return StoreError("the disk failed or is full", where=where, fix=_FULL)
    if known := _SQLITE.get(primary):
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


def from_system(error: OSError, where: str) -> StoreError:
    """The same for files and folders."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError("the disk or the quota is full", where=where, fix=_FULL)
    if error.errno == errno.EROFS:
        return StoreError("the file system is read-only", where=where, fix=_MOUNTED)
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError("may not be read or written", where=where, fix=_READ_ONLY)
    if error.errno in (
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENOENT,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    ):
        return StoreError("the path does not lead to a file", where=where, fix=_PATH)
    reason = error.strerror or type(error).__name__
    return StoreError(f"the store failed: {reason}", where=where, fix="Check the disk or the connection.")
