"""Which runs still run: each holds a lock on a file of its own, which the kernel lets go when it ends.

A process id would not do: another process may have it by now, and one in another container cannot be asked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.session.services import Services
from kronkers_batch.store import faults, ids


@contextlib.contextmanager
def held(services: Services, run_id: str) -> Iterator[None]:
    """Holds the lock of a run; the file goes at the end. Raises StoreError where none can be made."""
    path = _path(services, run_id)
    try:
        private.own_folder(path.parent)
        descriptor = private.open_kept(path, os.O_WRONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise faults.from_system(error, str(path)) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def runs(services: Services, run_id: str) -> bool:
    """Whether a run that was recorded as running still does.

    With a database of several machines, one without a file here may run on another machine. Raises
    IntegrityError where its id is none.
    """
    path = _path(services, run_id)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return services.db.path is None
    except OSError:
        return True  # another account's, which cannot be asked
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget(services: Services, run_id: str) -> None:
    """Takes away what a killed run left."""
    with contextlib.suppress(OSError):
        _path(services, run_id).unlink(missing_ok=True)


def _path(services: Services, run_id: str) -> Path:
    return services.config.home / "runs" / ids.require(run_id, "table runs")
