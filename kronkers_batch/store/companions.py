"""The files that SQLite keeps beside a database: it opens and overwrites whatever has their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kronkers_batch.errors import IntegrityError

_JOURNAL = "-journal"
_SUFFIXES = ("-wal", "-shm", _JOURNAL)
# How a journal ends that names another file: SQLite deletes that, wherever it lies, once it has undone what
# the journal tells. It belongs to transactions over several databases, which this program has none of.
_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")


def require_own(path: Path) -> None:
    """Refuses a link, a pipe or another file's second name where SQLite writes, and journals with a name.

    Raises IntegrityError.
    """
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
        if suffix == _JOURNAL and _end(base + suffix) == _NAMES_ANOTHER:
            raise IntegrityError(
                "the database's journal names another file, which SQLite would delete",
                where=base + suffix,
                fix="Find out who can write to this folder; delete the journal while no program runs.",
            )


def _end(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""  # gone meanwhile, or not to be read: by SQLite neither
    try:
        return os.pread(descriptor, len(_NAMES_ANOTHER), max(os.fstat(descriptor).st_size - 8, 0))
    finally:
        os.close(descriptor)
