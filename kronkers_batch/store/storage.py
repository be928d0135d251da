"""Whether SQLite's indexes say what its tables say: who can write to the file can leave rows out of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table

from kronkers_batch.errors import IntegrityError


def require_whole(conn: Connection, where: str, tables: Iterable[Table] | None = None) -> None:
    """Compares tables, or all of the database, with their indexes and constraints.

    Nothing on PostgreSQL, where it takes the server's own tool (amcheck). Raises IntegrityError.
    """
    if conn.dialect.name != "sqlite":
        return
    raw: Any = conn.connection.dbapi_connection
    for name in [""] if tables is None else [table.name for table in tables]:
        pragma = f"PRAGMA integrity_check({name})" if name else "PRAGMA integrity_check"
        if raw.execute(pragma).fetchone()[0] != "ok":
            raise IntegrityError(
                "the database file is damaged, or an index does not have the rows of its table",
                where=f"{where}, table {name}" if name else where,
                fix="Restore the last backup, and find out who can write to the file. The program sqlite3 "
                "tells more: PRAGMA integrity_check.",
            )
