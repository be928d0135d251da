"""The file of a new warehouse's recovery key, which a setup that is killed neither loses nor leaves behind.

Until the warehouse is there the file is a draft, whose name says for which database. A later setup of that
database takes away what an earlier one left. Afterwards the file gets the name that people see; where the
setup was killed before, the next command gives it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from kronkers_batch.config import account
from kronkers_batch.store import faults
from kronkers_batch.vault import pin


def draft(key_file: Path, database: str, warehouse: str) -> Path:
    """What the file is called while the warehouse is made.

    Args:
        key_file: The administrator's; both lie in one folder.
        database: What messages call it: its path, or its URL without the password.
        warehouse: Its id. The same administrator may have several.
    """
    return key_file.parent / f"{_prefix(database)}{warehouse}.key"


def named(key_file: Path, warehouse: str) -> Path:
    """What the file is called from then on."""
    return key_file.parent / f"{account.RECOVERY}{warehouse}.key"


def discard(key_file: Path, trust_file: Path, database: str) -> None:
    """Takes away drafts, and the pins beside them, of setups of a database that has no warehouse yet.

    Raises StoreError, IdentityError, IntegrityError.
    """
    for warehouse, path in _drafts(key_file, database):
        pin.remove(trust_file, warehouse)
        with _mapped(path):
            path.unlink()


def unfinished(key_file: Path, database: str) -> set[str]:
    """The ids of warehouses of a database whose setup has not ended, or was killed."""
    return {warehouse for warehouse, _path in _drafts(key_file, database)}


def publish(key_file: Path, database: str, warehouse: str) -> Path | None:
    """Gives the file its name, now that the warehouse is there; None where it has it. Raises StoreError."""
    for drafted, path in _drafts(key_file, database):
        if drafted == warehouse:
            with _mapped(path):
                return path.rename(named(key_file, warehouse))
    return None


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise faults.from_system(error, str(path)) from error


def _prefix(database: str) -> str:
    return f"{account.RECOVERY_DRAFT}{hashlib.sha256(database.encode()).hexdigest()[:16]}-"


def _drafts(key_file: Path, database: str) -> Iterator[tuple[str, Path]]:
    """The warehouse's id and the path of each."""
    prefix = _prefix(database)
    for path in sorted(key_file.parent.glob(f"{prefix}*.key")):
        yield path.name.removeprefix(prefix).removesuffix(".key"), path
