"""The task that writes the page of a date's newest run."""

from __future__ import annotations

import datetime as dt

import luigi

from kronkers_batch.audit import runs
from kronkers_batch.queries.report import page_path, write_page, write_run_page
from tasks.base_task import BaseTask


class Report(BaseTask):
    """Write the page of the newest run of a date."""

    date: dt.date = luigi.DateParameter()

    def requires(self) -> tuple[()]:
        """Nothing: a page is due whatever failed."""
        return ()

    def complete(self) -> bool:
        """Whether the page is there and newer than the run."""
        run = runs.get(self.services, runs.last(self.services, self.date))
        path = page_path(self.services, run.date)
        return run.finished is not None and path.is_file() and path.stat().st_mtime_ns >= run.finished * 1000

    def run(self) -> None:
        """Write it."""
        write_run_page(self.services, runs.last(self.services, self.date))
        write_page(self.services, self.date)
