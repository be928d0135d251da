"""Writing the page of a run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kronkers_batch.errors import StoreError
from kronkers_batch.reports.page import run_page
from kronkers_batch.steps import runlog
from kronkers_batch.steps.services import Services


def page_path(services: Services, date: str) -> Path:
    """Where the page of a date (ISO) lies unless somebody says otherwise."""
    return services.config.home / "reports" / f"{date}.html"


def write_page(services: Services, run_id: str, to: str | None = None) -> Path:
    """Write a run's page to ``to``, or to ``reports/DATE.html`` in the home folder; replaces an older one.

    Returns where it is. The file has mode 0600. Raises StoreError where it cannot be written.
    """
    run = runlog.get(services, run_id)
    text = run_page(run, list(runlog.events(services, run_id)))
    path = Path(to) if to else page_path(services, run.date)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise StoreError(
            f"the report cannot be written: {error.strerror}", where=str(path), fix="make the folder writable"
        ) from None
    return path
