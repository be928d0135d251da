"""What a night does: the facts, and what is decided on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kronkers_batch.access.authorisation import require_root
from kronkers_batch.access.stopped import named
from kronkers_batch.facts.gather import gather
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.plan import Plan
from kronkers_batch.session.services import Services


def planned(services: Services, date: dt.date, models: Sequence[str], *, running: bool) -> Plan:
    """What a night does for the named models or all; in a run, what the caller may do of it.

    Raises UsageError on a name that no model has, AccessRefused where the root is not as it was signed.
    """
    for name in models:
        services.model(name)
    require_root(services)
    return decide(gather(services, date, named(services, models), running=running))
