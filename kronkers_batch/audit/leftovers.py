"""What killed programs left beside the warehouse: pages and cache files that never got their names."""

from __future__ import annotations

import datetime as dt
import time

from kronkers_batch import private
from kronkers_batch.session.services import Services
from kronkers_batch.store import faults
from kronkers_batch.store.local import LocalFolder


def sweep(services: Services, older_than: dt.timedelta = dt.timedelta(days=1)) -> int:
    """Removes them; returns how many there were.

    Args:
        services: Whose home folder.
        older_than: Younger ones may belong to a program that still runs, and stay.

    Raises StoreError.
    """
    before, count = time.time() - older_than.total_seconds(), 0
    for name in ("reports", "cache"):
        folder = services.config.home / name
        try:
            if folder.is_dir():
                count += LocalFolder(folder).sweep(private.UNFINISHED, before)
        except OSError as error:
            raise faults.from_system(error, str(folder)) from None
    return count
