"""The files that SQLite keeps beside a database: it opens and overwrites whatever has their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store import faults

_JOURNAL, _LOG = "-journal", "-wal"
_SUFFIXES = (_LOG, "-shm", _JOURNAL)
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
                "a file of the database is a link or a folder: a write would change something else",
                where=base + suffix,
                fix="Stop all kronkers commands, delete the link, and find out who can write to this folder.",
            )
        if suffix == _JOURNAL and _end(base + suffix) == _NAMES_ANOTHER:
            raise IntegrityError(
                "the database's journal names another file, which SQLite would delete",
                where=base + suffix,
                fix="Stop all kronkers commands, delete the journal, and find out who can write to this "
                "folder.",
            )


class Files:
    """Which files a connection to a database has open.

    It goes on with them when they are replaced or deleted: it reads there what it wrote there, and nobody
    else ever sees it.
    """

    def __init__(self, path: Path) -> None:
        """Before the database at ``path`` is opened. Its log may come later, or be another one then."""
        self._path = os.path.realpath(path)
        self._database = _which(self._path)
        self._log: tuple[int, int] | None = None

    def require_same(self) -> None:
        """In a transaction that has read: then nobody but the connection's own program deletes the log.

        Raises IntegrityError where files of these names are others by now.
        """
        log = _which(self._path + _LOG)
        if _which(self._path) != self._database or self._log not in (None, log):
            raise IntegrityError(
                "the database or its log was replaced or deleted while this program had it open",
                where=self._path,
                fix="The work of this command may be lost. Find out who can write to this folder, run "
                "`kronkers ledger verify`, then run the command again.",
            )
        self._log = log


def _which(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - one call, in each transaction
    except FileNotFoundError:
        return None
    except OSError as error:
        raise faults.from_system(error, path) from None
    return found.st_dev, found.st_ino


def _end(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""  # gone meanwhile, or not to be read: by SQLite neither
    try:
        return os.pread(descriptor, len(_NAMES_ANOTHER), max(os.fstat(descriptor).st_size - 8, 0))
    finally:
        os.close(descriptor)
