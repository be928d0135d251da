"""Writing the page of a run."""

from __future__ import annotations

from pathlib import Path

from kronkers_batch import private
from kronkers_batch.errors import StoreError
from kronkers_batch.reports.page import run_page
from kronkers_batch.steps import exports, runlog
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
    judge = exports.judge(services.places, path) if to else lambda _real: None
    try:
        (private.make_folder if to else private.own_folder)(path.parent)
        with private.writing(path, judge=judge) as file:
            file.write(text.encode())
    except OSError as error:
        raise StoreError(
            f"the report cannot be written: {error.strerror}", where=str(path), fix="make the folder writable"
        ) from None
    return path
