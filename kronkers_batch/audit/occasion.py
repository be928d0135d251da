"""What a task tells of its work: the event is written in the transaction that shows the result to others.

Else a run that is killed between the two has published an output of which no event tells.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kronkers_batch.audit import runlog
from kronkers_batch.events.types import PROMOTION, Event, Kind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kronkers_batch.session.services import Services


@dataclass
class Occasion:
    """Some work on a model or source, of which one event tells.

    Attributes:
        services: The opened system; the event is of its run, or outside one.
        model: The model or source.
        department: Whose key seals the words: the model's department, or the scope of what is frozen.
        task: The task's kind.
        reason: Why it is done.
        date: The logical date (ISO) that it is for; empty for none.
        started: When, by the monotonic clock.
        recorded: Whether the event was written; in a transaction that may still fail, and the task then does.
    """

    services: Services
    model: str
    department: str
    task: str
    reason: str = ""
    date: str = ""
    started: float = field(default_factory=time.monotonic)
    recorded: bool = False

    def begin(self, reason: str, started: float) -> None:
        """The work begins now, for this reason."""
        self.reason, self.started = reason, started

    def tell(
        self, connection: Connection, kind: Kind, state: str, message: str, subject: str = "", date: str = ""
    ) -> None:
        """Writes the event; call it last in the transaction of what it tells. Raises as ``runlog.record``."""
        seconds = time.monotonic() - self.started
        words = (message, self.reason)
        event = Event(
            self.model, self.task, state, seconds, *words, kind=kind, subject=subject, date=date or self.date
        )
        runlog.record_in(self.services, connection, self.services.run_id, self.department, event)
        self.recorded = True

    def promoted(self, connection: Connection, ref: str, why: str) -> None:
        """Writes that a version is the champion from now on, in the transaction of that."""
        words = (f"{ref} is the champion", why or "its training passed")
        event = Event(self.model, PROMOTION, "done", 0.0, *words, kind=Kind.PROMOTED, subject=ref)
        runlog.record_in(self.services, connection, self.services.run_id, self.department, event)
