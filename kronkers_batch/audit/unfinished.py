"""What earlier commands could not finish because something was in the way, tried again and reported."""

from __future__ import annotations

from kronkers_batch.audit import checkpoint
from kronkers_batch.errors import StoreError
from kronkers_batch.session.services import Services
from kronkers_batch.store import pending


def retry(services: Services) -> list[str]:
    """Tries it once more; returns what is still pending, in words for a warning. Raises StoreError."""
    who = services.vault.principal
    with services.db.read() as connection:
        scrub = pending.is_marked(connection, pending.SCRUB)
        point = pending.is_marked(connection, pending.CHECKPOINT, who)
    warnings = []
    if scrub and not services.db.scrub():
        warnings.append(STILL_THERE)
    if point:
        try:
            checkpoint.mark(services, always=True)
        except StoreError as error:
            warnings.append(str(error))
    return warnings


STILL_THERE = (
    "deleted keys are still in the write-ahead log: another program is reading the database\n"
    "  -> Let that program finish. Each command tries again to remove the keys, and warns until they are "
    "gone."
)
