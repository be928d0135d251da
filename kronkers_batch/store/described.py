"""The committed description of the schema: by revision, what the migrations make in one kind of database.

``python -m kronkers_batch.store.described`` writes ``migrations/sqlite.json``; with the URL of an empty
database of another kind it writes that one's. Tests compare each with a fresh database.
"""

from __future__ import annotations

import sys
import tempfile

from kronkers_batch.config.secret import Secret
from kronkers_batch.store import exact, migrate
from kronkers_batch.store.engine import Database


def made_by_migrations(url: str) -> tuple[str, dict[str, dict[str, str]]]:
    """What an empty database speaks, and by revision what the migrations make in it.

    Args:
        url: Of the database; empty for a new one of SQLite.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Secret(url or f"sqlite:///{folder}/x.db"))
        database.backend.make_empty()
        made = {}
        for one in migrate.REVISIONS:
            with database.unchecked(write=True) as connection:
                migrate.upgrade(connection, one)
                made[one] = exact.objects(connection)
        database.close()
    return database.backend.dialect, made


if __name__ == "__main__":
    dialect, made = made_by_migrations(sys.argv[1] if len(sys.argv) > 1 else "")
    exact.committed(dialect).write_text(exact.page(made), encoding="utf-8")
