"""What a model's worker is given, from the model's declaration."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import CodeFile, ModelSpec
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.runtimes.worker_spec import KeptCode, Walls, WorkerSpec

if TYPE_CHECKING:
    from kronkers_batch.session.services import Services


def worker_spec(
    services: Services, model: ModelSpec, features: Schema, target: Column | None = None
) -> WorkerSpec:
    """What a worker of this model is given. ``features`` has the training's levels of every category."""
    sandbox = services.config.executor.sandbox
    spec = worker_spec_for(model, features, sandbox, walls_of(services, model), target, services.log)
    return replace(spec, heard=functools.partial(services.run.printed.add, model.name))


def walls_of(services: Services, model: ModelSpec) -> Walls:
    """Where a worker of this model may not look; worked out once a run for each department."""
    known, department = services.run.walls, model.department
    if department not in known:
        known[department] = walls(Places.of(services.config, os.environ), department)
    return known[department]


def walls(places: Places, department: str) -> Walls:
    """Where a worker of this department may not look."""
    refusal = functools.cache(lambda path: places.refusal(path, department=department))
    return Walls(places.masked(department), refusal)


def worker_spec_for(
    model: ModelSpec,
    features: Schema,
    sandbox: SandboxPolicy,
    walls: Walls,
    target: Column | None = None,
    log: Callable[[str], None] = lambda _line: None,
) -> WorkerSpec:
    """As :func:`worker_spec`, without opened services."""
    if isinstance(model.model, CodeFile) and not isinstance(model.model, KeptCode):
        raise TypeError("a worker runs code as a version keeps it")
    return WorkerSpec(
        name=model.name,
        language=model.language,
        model=model.model,
        task=model.judge,
        parameters=model.parameters,
        data=model.data,
        environment=model.environment,
        features=features,
        target=target,
        outputs=model.output_columns,
        unseen=model.unseen,
        resources=model.resources,
        seed=model.seed,
        sandbox=sandbox,
        log=log,
        walls=walls,
        environment_at=environment_at(model),
        goal=model.goal,
        learns=model.task.learns,
        fit_only=Schema(model.fit_only),
        imported=model.imported is not None,
    )


def environment_at(model: ModelSpec) -> str:
    """The line that declares the model's environment; empty where none does."""
    keys = [key for key in model.origins if key == "environment" or key.startswith("environment.")]
    return str(model.origins[max(keys, key=len)]) if keys else ""
