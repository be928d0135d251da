"""A database in a file with the tables of today: made once in a process, since making them takes longest."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from kronkers_batch.config.secret import Secret
from kronkers_batch.store.engine import Database


@functools.cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Database(Secret(f"sqlite:///{folder}/x.db"))
        made.migrate()
        made.close()
        return Path(folder, "x.db").read_bytes()


def database(path: Path, **options: Any) -> Database:
    """A new one at a path, as ``Database(...).migrate()`` leaves it; keyword arguments as of Database."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(_tables())
    return Database(Secret(f"sqlite:///{path}"), **options)
