"""What people decide about versions by hand, with the event in the transaction of the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kronkers_batch.audit import runlog
from kronkers_batch.events.types import PROMOTION, Event, Kind
from kronkers_batch.registry.training import ModelVersion, Promotion
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    from sqlalchemy import Connection


def promote(services: Services, version: ModelVersion, why: str, *, force: bool = False) -> Promotion:
    """Makes a version the champion. Raises as :meth:`Registry.promote`."""
    promoted = event(services, Kind.PROMOTED, PROMOTION, why)
    return services.registry.promote(version.model, version.number, why=why, force=force, event=promoted)


def rollback(services: Services, model: str, why: str, to: int | None = None) -> Promotion:
    """Makes an earlier champion the champion again. Raises as :meth:`Registry.rollback`."""
    rolled_back = event(services, Kind.ROLLED_BACK, PROMOTION, why)
    return services.registry.rollback(model, why=why, to=to, event=rolled_back)


def event(services: Services, kind: Kind, task: str, why: str) -> Callable[[Connection, Scope, str], None]:
    """What writes the event of a decision about a version."""

    def tell(connection: Connection, scope: Scope, ref: str) -> None:
        words = (f"{ref} {kind}", why)
        decided = Event(scope.model, task, "done", 0.0, *words, kind=kind, subject=ref)
        runlog.record_in(services, connection, services.run_id, scope.department, decided)

    return tell
