"""The files that SQLite keeps beside a database: it opens and overwrites whatever has their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kronkers_batch.errors import IntegrityError

_SUFFIXES = ("-wal", "-shm", "-journal")


def require_own(path: Path) -> None:
    """Refuses a link, a pipe or another file's second name where SQLite writes. Raises IntegrityError."""
    base = os.path.realpath(path)
    for suffix in _SUFFIXES:
        try:
            found = os.lstat(base + suffix)
        except OSError:
            continue  # not there, or not to be seen: SQLite says so itself
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise IntegrityError(
                "a file of the database is a link, or no file: a write would go to something else",
                where=base + suffix,
                fix="Find out who can write to this folder; delete the link while no program runs.",
            )
