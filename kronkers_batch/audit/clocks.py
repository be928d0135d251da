"""The time as of which a run counts: never before what is already recorded, whatever the clock says."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from kronkers_batch.session.services import Services
from kronkers_batch.store import clock
from kronkers_batch.store.tables.ledger import ledger

_TOLERATED = 1_000_000  # microseconds by which the clocks of several machines may differ without a word


@dataclass(frozen=True)
class AsOf:
    """``at`` is microseconds UTC; ``behind`` so many by which the clock is behind what is recorded, or 0."""

    at: int
    behind: int

    def warning(self) -> str:
        """What to say of the clock; empty where it is in order."""
        if self.behind <= _TOLERATED:
            return ""
        timestamp = clock.to_datetime(self.at).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"the clock of this machine is {self.behind / 1e6:,.0f} s behind the newest entry of the ledger, "
            f"of {timestamp}: this run counts as of that entry\n"
            "  -> Set the clock. Where it was wrong before, at that entry, later entries follow that one."
        )


def as_of(services: Services) -> AsOf:
    """Now; or the newest time at which something was recorded, where the clock is behind that."""
    with services.db.read() as connection:
        last = select(ledger.c.at).order_by(ledger.c.seq.desc()).limit(1)
        newest = connection.execute(last).scalar() or 0
    now = clock.now()
    at = max(now, newest)
    return AsOf(at, at - now)
