"""Who receives the events, one file each. A subscriber may be late, and cannot fail a run."""

from __future__ import annotations

from pathlib import Path

from kronkers_batch.events import subscribers
from kronkers_batch.events.event_log import EventLog
from kronkers_batch.events.subscribers import Subscriber
from kronkers_batch.session.services import Services
from kronkers_batch.subscribers.run_pages import Pages


def tell(services: Services) -> tuple[list[str], dict[str, Path]]:
    """Gives all subscribers what they did not receive yet.

    Returns:
        What went wrong, in words for a warning, and by date (ISO) the pages that were written.
    """
    pages = Pages(services)
    home = services.config.home
    all_of_them: tuple[Subscriber, ...] = (pages, EventLog(home))
    if {one.name for one in all_of_them} != set(subscribers.NAMES):
        raise RuntimeError("subscribers that are not named get nothing: see NAMES in events/subscribers.py")
    with services.db.one_read():
        return subscribers.deliver(services.db, home, all_of_them), pages.written
