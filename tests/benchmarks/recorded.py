"""A project of very many models, or of very many nights, without training and scoring each of them.

The first model is trained and scored by a night. The others get its version and its output recorded as their
own, and other dates an output of it, by the same functions, so that a plan finds nothing to do.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.bootstrap import open_system
from kronkers_batch.declared.sources import source_of
from kronkers_batch.facts.gather import gather
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.plan import Score, State
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.session.services import Services


def record_others(conf: Path, first: str) -> None:
    """Record for every other model what ``first`` has."""
    services = open_system(conf)
    try:
        version = services.registry.champion(first)
        if version is None:
            raise ValueError(f"{first} has no champion")
        others = [name for name in services.config.models if name != first]
        artifact = services.registry.artifact(version)
        authorise_all(services, others)
        for name in others:
            defined = define(services, services.model(name))
            training = dataclasses.replace(
                version.training,
                model=name,
                definition=defined.flat,
                definition_fingerprint=defined.training,
                fingerprint=defined.training,
            )
            made = services.registry.record(training, artifact)
            services.registry.promote(name, made.number, why="for a benchmark")
        if services.config.logical_date is None:
            raise ValueError("the project names no logical date")
        _publish(services, others, services.config.logical_date)
    finally:
        services.close()


def record_nights(conf: Path, model: str, dates: Iterable[dt.date]) -> None:
    """Record an output of each date for a model that has a champion."""
    services = open_system(conf)
    try:
        for date in dates:
            services.run = Run()
            _publish(services, [model], date)
    finally:
        services.close()


def _publish(services: Services, names: list[str], date: dt.date) -> None:
    """An output of the date for each, by its champion."""
    plan = decide(gather(services, date, names, running=True))
    for entry in plan.entries.values():
        if isinstance(entry, Score) and entry.state is State.DUE and entry.version is not None:
            model = services.model(entry.model)
            keys = source_of(services, model.source).schema.select(model.key)
            scores = tuple(Column(each.name, each.type) for each in model.output_columns)
            writer = services.warehouse.begin(
                model.name,
                model.department,
                date,
                entry.fingerprint,
                Schema((*keys.columns, *scores)),
                model.key,
            )
            writer.finish({"model_version": entry.version.ref}, {"rows": 0.0}, ())
