"""Starting workers ahead: an interpreter imports while the data is still being read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial

from kronkers_batch.errors import KronkersError
from kronkers_batch.steps.decide import scoring_state
from kronkers_batch.steps.declared import as_trained
from kronkers_batch.steps.permits import permit
from kronkers_batch.steps.score import open_champion
from kronkers_batch.steps.services import Services


def prepare_workers(services: Services, names: Sequence[str], date: dt.date) -> None:
    """Start the workers of the first models that will score; the pool says how many.

    An error here is not told: the task that needs the worker meets it and tells it with its model.
    """
    for name in names:
        champion = None
        try:
            permit(services, name)
            champion = services.registry.champion(name)
            if champion is None or scoring_state(services, services.model(name), date, champion).settled:
                continue
        except KronkersError:
            continue
        model = as_trained(services, services.model(name), champion)
        services.workers.prepare(champion.id, partial(open_champion, services, model, champion))
