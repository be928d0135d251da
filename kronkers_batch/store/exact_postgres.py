"""What a PostgreSQL schema holds; the same question at opening and in each transaction."""

from __future__ import annotations

import functools
from pathlib import Path

from sqlalchemy import Connection

_FILE = Path(__file__).parent / "migrations" / "objects.sql"


def objects(connection: Connection) -> dict[str, str]:
    """Each object of the schema that the search path is pinned to, and what it is."""
    rows = connection.exec_driver_sql(_query()).all()
    return {str(name): str(definition or "") for name, definition in rows}


def version(connection: Connection) -> object:
    """A digest of all of :func:`objects`, computed where the catalogue is."""
    lines = "name || ' = ' || coalesce(def, ''), E'\\n' ORDER BY name, def"
    digest = f"SELECT pg_catalog.md5(pg_catalog.string_agg({lines})) FROM ({_query()}) AS everything"  # noqa: S608 - the committed file
    return connection.exec_driver_sql(digest).scalar_one()


@functools.cache
def _query() -> str:
    return _FILE.read_text(encoding="utf-8")
