"""Writing the pages: one of each run, and one of each logical date, which merges its runs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.audit import runlog, runs
from kronkers_batch.queries import exports
from kronkers_batch.reports import verdict
from kronkers_batch.reports.page import date_page, run_page
from kronkers_batch.session.services import Services
from kronkers_batch.store import faults, ids

_RUNS = "runs"


def _folder(services: Services) -> Path:
    return services.config.home / "reports"


def page_path(services: Services, date: str) -> Path:
    """Where the page of a date (ISO) lies unless somebody says otherwise."""
    return _folder(services) / f"{date}.html"


def write_run_page(services: Services, run_id: str, to: str | None = None) -> Path:
    """Write a run's page to ``to``, or to ``reports/runs/ID.html`` in the home folder.

    Returns where it is. The file has mode 0600. Raises NotFound, IntegrityError where its id is none, and
    StoreError where it cannot be written.
    """
    run = runs.get(services, run_id)
    events = verdict.work(runlog.events(services, run_id))
    # No name of a file is made of what else the row holds.
    path = Path(to) if to else _folder(services) / _RUNS / f"{ids.require(run.id, 'table runs')}.html"
    return _write(services, path, run_page(run, runs.verdicts(services, run), events), asked=bool(to))


def write_page(services: Services, date: dt.date, to: str | None = None) -> Path:
    """Write the page of a logical date to ``to``, or to ``reports/DATE.html``; replaces an older one.

    Returns and raises as :func:`write_run_page`.
    """
    found = [(run, runs.verdicts(services, run)) for run in runs.of_date(services, date)]
    merged = verdict.merged((run.id, verdicts) for run, verdicts in found)
    linked = [(run, verdicts, f"{_RUNS}/{run.id}.html") for run, verdicts in found]
    path = Path(to) if to else page_path(services, date.isoformat())
    return _write(services, path, date_page(date.isoformat(), merged, linked), asked=bool(to))


def _write(services: Services, path: Path, text: str, *, asked: bool) -> Path:
    judge = exports.judge(services.places, path) if asked else lambda _real: None
    try:
        (private.make_folder if asked else private.own_folder)(path.parent)
        with private.writing(path, judge=judge) as file:
            file.write(text.encode())
    except OSError as error:
        raise faults.from_system(error, f"the page {path}") from None
    return path
