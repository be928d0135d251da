"""The subscribers of this installation: the pages, written when a run ended, and the structured log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from kronkers_batch.audit import runs
from kronkers_batch.errors import KronkersError, NotFound, StoreError
from kronkers_batch.events import subscribers
from kronkers_batch.events.event_log import EventLog
from kronkers_batch.events.outbox import Posted
from kronkers_batch.events.subscribers import PAGES
from kronkers_batch.events.types import RUN, Kind
from kronkers_batch.queries.report import write_page, write_run_page
from kronkers_batch.session.services import Services

_ENDS = (Kind.ENDED, Kind.INTERRUPTED)


class Pages:
    """Writes the pages of each run that the caller began and that ended, and of its date.

    ``written`` is by date (ISO) where its page lies.
    """

    name = PAGES

    def __init__(self, services: Services) -> None:
        self._services = services
        self.written: dict[str, Path] = {}

    def take(self, events: Sequence[Posted]) -> list[str]:
        """Writes them. Raises StoreError where a page cannot be written now; the others are, all the same."""
        ended = {e.run: e.date for e in events if e.task == RUN and e.kind in _ENDS and e.run}
        own = {run: date for run, date in ended.items() if self._is_own(run)}
        warnings: list[str] = []
        unwritten: StoreError | None = None
        for run, date in own.items():
            try:
                write_run_page(self._services, run)
                self.written[date] = write_page(self._services, dt.date.fromisoformat(date))
            except NotFound as error:
                warnings.append(str(error))
            except StoreError as error:
                unwritten = unwritten or error
            except KronkersError as error:  # it would be met again each time: reported once, and passed over
                warnings.append(str(error))
        if unwritten is not None:
            raise unwritten
        return warnings

    def _is_own(self, run: str) -> bool:
        return runs.begun_by(self._services, run) == self._services.vault.principal


def tell(services: Services) -> tuple[list[str], dict[str, Path]]:
    """Gives all subscribers what they did not receive yet.

    Returns:
        What went wrong, in words for a warning, and by date (ISO) the pages that were written.
    """
    pages = Pages(services)
    home = services.config.home
    with services.db.one_read():
        return subscribers.deliver(services.db, home, (pages, EventLog(home))), pages.written
