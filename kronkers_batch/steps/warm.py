"""Starting ahead: interpreters and pandera import while the data is still being read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from kronkers_batch.data import rowwise
from kronkers_batch.steps.champion import open_champion
from kronkers_batch.steps.decide import scoring_state, training_due
from kronkers_batch.steps.declared import as_trained
from kronkers_batch.steps.permits import permit
from kronkers_batch.steps.score import scoring_workers
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.train import open_trainer, trainer_key


def prepare_workers(services: Services, names: Sequence[str], date: dt.date, *, training: bool) -> None:
    """Start the workers of the first models that will train or score; the pool says how many.

    An error here is not told: the task that needs the worker meets it and tells it with its model.

    Args:
        services: The opened system.
        names: The models of the run.
        date: Its logical date.
        training: Whether they are all to be trained, as somebody asked; else what is due is found out.
    """
    ahead = False
    for name in names:
        if services.workers.full:
            return  # what is due is found out for no model more than can be prepared
        needed = False
        with suppress(Exception):
            permit(services, name)
            needed = _prepare_trainer(services, name, date, training) or (
                not training and _prepare_champion(services, name, date)
            )
        if needed and not ahead:
            rowwise.import_ahead()
            ahead = True


def _prepare_trainer(services: Services, name: str, date: dt.date, asked: bool) -> bool:
    model = services.model(name)
    if not asked:
        due = training_due(services, model, date)
        if due is None or services.registry.find(name, due.fingerprint) is not None:
            return False
    services.workers.prepare(trainer_key(model), partial(open_trainer, services, model))
    return True


def _prepare_champion(services: Services, name: str, date: dt.date) -> bool:
    champion = services.registry.champion(name)
    if champion is None or scoring_state(services, services.model(name), date, champion).settled:
        return False
    model = as_trained(services.model(name), champion)
    opened = partial(open_champion, services, model, champion)
    services.workers.prepare(champion.id, opened, scoring_workers(model))
    return True
