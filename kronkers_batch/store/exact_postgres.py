"""What a PostgreSQL schema holds, and whether that changed since it was last looked at."""

from __future__ import annotations

import functools
from pathlib import Path

from sqlalchemy import Connection

_FOLDER = Path(__file__).parent / "migrations"


def objects(connection: Connection) -> dict[str, str]:
    """Each object of the schema that the search path is pinned to, and what it is."""
    rows = connection.exec_driver_sql(_query("objects.sql")).all()
    return {str(name): str(definition or "") for name, definition in rows}


def version(connection: Connection) -> object:
    """Another value after every change of what :func:`objects` shows; a tenth of its cost."""
    return connection.exec_driver_sql(_query("changed.sql")).scalar_one()


@functools.cache
def _query(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
