"""A plan is carried out on what it was decided on, or not at all."""

from __future__ import annotations

from kronkers_batch.access import authorisation
from kronkers_batch.errors import Stale
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.planning.plan import Plan
from kronkers_batch.session.services import Services


def require_same(services: Services, plan: Plan, name: str) -> None:
    """Refuses a model whose definition, code or permission is another one than the plan was decided on.

    Raises Stale, and AccessRefused where the definition may not be run.
    """
    authorisation.authorise(services, name)
    facts = plan.facts.models[name]
    if facts.undefined is not None:
        return  # its champion scores; nothing of today's definition is run
    now = define(services, services.model(name)).training, authorisation.fingerprint(services, name)
    if now != (facts.definition, facts.permission):
        raise Stale(
            "the definition changed after the run was planned",
            where=f"model {name}",
            fix="Run the command again: it plans with the new definition.",
        )
