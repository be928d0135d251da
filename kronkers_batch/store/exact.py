"""Whether the database's schema is exactly what the migrations make, and nothing else is there.

Who can write to a database can also plant what acts by itself or shows something else: a trigger that
deletes each revocation, a view in a table's place, a partial index that leaves rows out, a column that
compares without regard to case. So every connection compares all that its schema holds with what the
migrations make, before it is used, and again whenever the schema changed since.

What they make is committed, by dialect: :mod:`.described` writes it, tests compare it with fresh databases.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store import databases

Objects = Mapping[str, str]
"""Each object of a schema, such as ``table ledger``, and its definition."""

_FOLDER = Path(__file__).parent / "migrations"
_KNOWN, _ASKED = "kronkers_schema", "kronkers_schema_asked"
_SECONDS = 1.0
_PARTS = ("column ", "constraint ", "index ", "rule _RETURN ", "type ")
_PLAIN = re.compile(r"[A-Za-z0-9_./ ()-]{1,120}")


def unchanged(connection: Connection) -> bool:
    """Whether :func:`require` was content with this connection, and the schema is the same still.

    Where a connection has the schema in memory (SQLite), it is asked each time whether the schema changed;
    what it has in memory can be another one all the same, so it counts for a second and is then read again.
    A server takes milliseconds to say it, and is asked once a second. What matters is read back after each
    commit, and that looks every time.
    """
    known = connection.info.get(_KNOWN)
    if known is None:
        return False
    backend = databases.of(connection)
    recent = time.monotonic() - connection.info[_ASKED] < _SECONDS
    if backend.schema_in_memory:
        return recent and bool(known == backend.version(connection))
    if recent:
        return True
    connection.info[_ASKED] = time.monotonic()
    return bool(known == backend.version(connection))


def forget(connection: Connection) -> None:
    """Has the next :func:`unchanged` look: at all of the schema where the connection has it in memory."""
    if databases.of(connection).schema_in_memory:
        connection.info.pop(_KNOWN, None)
    else:
        connection.info[_ASKED] = -_SECONDS


def require(connection: Connection, where: str, found: Objects, revision: str) -> None:
    """Refuses a schema that is not exactly the revision's.

    Args:
        connection: At the beginning of a transaction.
        where: The database, for messages.
        found: What :func:`objects` gave in this transaction.
        revision: Which the database must be of.

    Raises IntegrityError, which names an object.
    """
    if difference := compare(found, expected(databases.of(connection).dialect).get(revision, {})):
        raise IntegrityError(
            f"the schema of the database differs from the one of this program: {difference}",
            where=where,
            fix="If you added something yourself, such as a view or statistics, drop it. Otherwise restore "
            "the last backup, and find out who can change the database.",
        )
    connection.info[_KNOWN] = databases.of(connection).version(connection)
    connection.info[_ASKED] = time.monotonic()


def objects(connection: Connection) -> dict[str, str]:
    """All that the schema holds, as the database itself understands it now."""
    return databases.of(connection).objects(connection)


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
    """By revision what the schema of a database that speaks this must hold."""
    read: Mapping[str, Objects] = json.loads(committed(dialect).read_text(encoding="utf-8"))
    return read


def committed(dialect: str) -> Path:
    """The file that says it."""
    return _FOLDER / f"{dialect}.json"


def _shown(name: str) -> str:
    """A name that somebody else chose; what is not plain goes to no terminal as it is."""
    return name if _PLAIN.fullmatch(name) else ascii(name)[:120]


def page(made: Mapping[str, Objects]) -> str:
    """The contents of the file with all revisions of one dialect."""
    return json.dumps(made, indent=1, sort_keys=True) + "\n"
