"""Whether the database's schema is exactly what the migrations make, and nothing else is there.

Who can write to a database can also plant what acts by itself or shows something else: a trigger that
deletes each revocation, a view in a table's place, a partial index that leaves rows out, a column that
compares without regard to case. So every connection compares all that its schema holds with what the
migrations make, before it is used, and again whenever the schema changed since.

``python -m kronkers_batch.store.exact`` writes ``migrations/sqlite.json``; with the URL of an empty
PostgreSQL database it writes ``migrations/postgresql.json``. Tests compare both with fresh databases.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store import exact_postgres

Objects = Mapping[str, str]
"""Each object of a schema, such as ``table ledger``, and its definition."""

_FOLDER = Path(__file__).parent / "migrations"
_KNOWN, _ASKED = "kronkers_schema", "kronkers_schema_asked"
_SECONDS = 1.0
_PARTS = ("column ", "constraint ", "index ", "rule _RETURN ", "type ")
# What SQLite takes for space; Python takes more, which SQLite takes for letters of a name.
_SPACE = re.compile(r"[ \t\n\r\f]+")
_PLAIN = re.compile(r"[A-Za-z0-9_./ ()-]{1,120}")


def unchanged(connection: Connection) -> bool:
    """Whether :func:`require` was content with this connection, and the schema is the same still.

    SQLite says in microseconds whether the file's schema changed; what a connection has in memory can be
    another one all the same, so it counts for a second and is then read again. PostgreSQL takes milliseconds,
    and is asked once a second. What matters is read back after each commit, and that looks every time.
    """
    known = connection.info.get(_KNOWN)
    if known is None:
        return False
    recent = time.monotonic() - connection.info[_ASKED] < _SECONDS
    if connection.dialect.name == "postgresql":
        if recent:
            return True
        connection.info[_ASKED] = time.monotonic()
    elif not recent:
        return False
    return bool(known == _version(connection))


def forget(connection: Connection) -> None:
    """Has the next :func:`unchanged` look: on SQLite at all of the schema, as it is in the file now."""
    if connection.dialect.name == "postgresql":
        connection.info[_ASKED] = -_SECONDS
    else:
        connection.info.pop(_KNOWN, None)


def require(connection: Connection, where: str, found: Objects, revision: str) -> None:
    """Refuses a schema that is not exactly the revision's.

    Args:
        connection: At the beginning of a transaction.
        where: The database, for messages.
        found: What :func:`objects` gave in this transaction.
        revision: Which the database must be of.

    Raises IntegrityError, which names an object.
    """
    if difference := compare(found, expected(connection.dialect.name).get(revision, {})):
        raise IntegrityError(
            f"the schema of the database is not the one of this program: {difference}",
            where=where,
            fix="Do not use it. Restore the last backup, and find out who can change the database. Drop what "
            "you added yourself, such as a view or statistics.",
        )
    connection.info[_KNOWN], connection.info[_ASKED] = _version(connection), time.monotonic()


def objects(connection: Connection) -> dict[str, str]:
    """All that the schema holds, as SQLite or PostgreSQL itself understands it now."""
    if connection.dialect.name == "postgresql":
        return exact_postgres.objects(connection)
    raw: Any = connection.connection.dbapi_connection
    # What this connection has in memory may be older than the file, and still have a trigger that was taken
    # out again: the number that tells of changes can be set by hand. So it reads the schema anew.
    raw.execute("PRAGMA schema_version").fetchone()  # the transaction sees one moment from here on
    raw.execute("PRAGMA writable_schema=RESET")
    rows = raw.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master").fetchall()
    roots = [root for _, _, _, root, _ in rows if root]
    found = {f"{kind} {name}": f"{table}: {_normal(sql)}" for kind, name, table, _, sql in rows}
    if len(set(roots)) != len(roots):
        found["two objects in one place"] = ""  # an index whose entries are another's
    return found


def compare(found: Objects, wanted: Objects) -> str:
    """One difference in words; empty where there is none."""
    if found == wanted:
        return ""
    different = {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)}
    # Tables first: of one that was put in, its columns and indexes are there as well.
    for name in sorted(
        different, key=lambda name: (name.startswith(_PARTS), "sqlite_autoindex" in name, name)
    ):
        if name not in wanted:
            return f"there is also {_shown(name)}"
        return f"{name} is missing" if name not in found else f"{name} is another one"
    return ""


@functools.cache
def expected(dialect: str) -> Mapping[str, Objects]:
    """By revision what the schema of that kind of database must hold."""
    read: Mapping[str, Objects] = json.loads((_FOLDER / f"{dialect}.json").read_text(encoding="utf-8"))
    return read


def _version(connection: Connection) -> object:
    if connection.dialect.name == "postgresql":
        return exact_postgres.version(connection)
    raw: Any = connection.connection.dbapi_connection
    return raw.execute("PRAGMA schema_version").fetchone()[0]


@functools.lru_cache(maxsize=256)  # of some forty objects, again after each write
def _normal(sql: str | None) -> str:
    return _SPACE.sub(" ", sql or "").strip(" ")


def _shown(name: str) -> str:
    """A name that somebody else chose; what is not plain goes to no terminal as it is."""
    return name if _PLAIN.fullmatch(name) else ascii(name)[:120]


def page(made: Mapping[str, Objects]) -> str:
    """The contents of the file with all revisions of one kind of database."""
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    from kronkers_batch.store.migrate import made_by_migrations

    kind, made = made_by_migrations(sys.argv[1] if len(sys.argv) > 1 else "")
    (_FOLDER / f"{kind}.json").write_text(page(made), encoding="utf-8")
