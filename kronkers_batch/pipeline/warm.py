"""Starting ahead: interpreters and pandera import while the data is still being read."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from kronkers_batch.data import rowwise
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.pipeline.fitting import open_trainer, trainer_key
from kronkers_batch.pipeline.score import scoring_workers
from kronkers_batch.planning.plan import Plan, Score, State, Train
from kronkers_batch.session.services import Services


def prepare_workers(services: Services, plan: Plan) -> None:
    """Start the workers of the first models that will train or score; the pool says how many.

    An error here is not reported: the task that needs the worker meets it and reports it with its model.
    """
    ahead = False
    for name in plan.facts.asked:
        if services.workers.full:
            return
        needed = False
        for entry in sorted(plan.of(name), key=lambda entry: isinstance(entry, Score)):
            with suppress(Exception):
                needed = needed or _prepare(services, entry)
        if needed and not ahead:
            rowwise.import_ahead()
            ahead = True


def _prepare(services: Services, entry: Train | Score) -> bool:
    """Whether one was started."""
    if entry.state is not State.DUE:
        return False
    model = services.model(entry.model)
    if isinstance(entry, Train):
        if entry.recorded:
            return False
        services.workers.prepare(trainer_key(model), partial(open_trainer, services, model))
        return True
    if entry.output is not None or entry.version is None:
        return False
    champion = services.run.versions[entry.version.id]
    model = as_trained(model, champion)
    opened = partial(open_champion, services, model, champion)
    services.workers.prepare(champion.id, opened, scoring_workers(model))
    return True
