"""Reading the facts of a run: of the models that are asked for, and of all that they read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from kronkers_batch.config.fingerprint import changes, scoring_definition, training_definition
from kronkers_batch.config.spec import InputRef, ModelSpec, Promote
from kronkers_batch.data.stated import Heads
from kronkers_batch.data.window import Window
from kronkers_batch.errors import AccessRefused, described, found_in
from kronkers_batch.monitoring.gates import judge_metrics, judge_output
from kronkers_batch.planning import training
from kronkers_batch.planning.facts import Day, Facts, Frozen, Input, Model, Output, Problem, Version
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.steps import ingest, permits, rights
from kronkers_batch.steps.definitions import define
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import source_of
from kronkers_batch.steps.windows import days, outputs_of, scoring_window, training_window
from kronkers_batch.store import clock
from kronkers_batch.vault.context import Scope
from kronkers_batch.warehouse.versions import OutputVersion, State

T = TypeVar("T")


def gather(
    services: Services, date: dt.date, names: Iterable[str], *, running: bool, asked: bool = False
) -> Facts:
    """The facts for a logical date.

    Args:
        services: The opened system.
        date: The logical date.
        names: The models that are asked for.
        running: Whether it is for a run of the caller; a plan shows what a run by who may would do.
        asked: Whether somebody asks for their training, so that its rows are looked at in any case.

    What cannot be told of one model is that model's problem, and stops no other. Raises StoreError,
    IntegrityError of what is all models'.
    """
    return _Gathering(services, date, tuple(names), running, asked).facts()


class _Gathering:
    def __init__(
        self, services: Services, date: dt.date, names: tuple[str, ...], running: bool, asked: bool
    ) -> None:
        self._services, self._date, self._asked = services, date, names
        self._running, self._by_hand = running, asked
        self._models: dict[str, Model] = {}
        self._days: dict[tuple[str, dt.date], Day] = {}
        self._heads: dict[str, dict[dt.date, str]] = {}
        self._inputs: dict[tuple[InputRef, Window, Scope], Input | Problem] = {}

    def facts(self) -> Facts:
        for name in self._reached(self._asked):
            self._models[name] = self._model(name)
        waiting = {(name, self._date) for name in self._asked}
        for name, model in self._models.items():
            self._models[name] = replace(model, training=self._trained_on(name, model))
        waiting |= set(self._needed(model.training for model in self._models.values()))
        while waiting:
            new = {pair: self._day(*pair) for pair in sorted(waiting)}
            self._days |= new
            waiting = set(self._needed(day.input for day in new.values())) - self._days.keys()
        return Facts(self._date, self._asked, self._models, self._days, self._heads)

    def _reached(self, names: Iterable[str]) -> list[str]:
        """The models, and those whose outputs they read, each once."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += outputs_of(self._services, self._services.model(name).source)
        return list(found)

    # ------------------------------------------------------------ models

    def _model(self, name: str) -> Model:
        services, spec = self._services, self._services.model(name)
        barred = rights.refusal(services, name) if self._running else None
        refused = permits.refusal(services, name)
        made = Model(
            name=name,
            department=spec.department,
            automatic=spec.promote is Promote.AUTOMATIC,
            every=spec.retrain.every,
            refused=_problem(refused) if refused else None,
            barred=_problem(barred) if barred else None,
            seen=rights.sees(services, name),
        )
        if refused is not None or not made.seen:
            return made
        made = replace(made, scoring=scoring_definition(spec, services.config.sources))
        definition = _asking(lambda: define(services, spec))
        if isinstance(definition, Problem):
            made = replace(made, undefined=definition)
        else:
            permission = permits.fingerprint(services, name)
            made = replace(made, definition=definition.training, permission=permission)
        told = _asking(lambda: standing(services, made, self._date))
        return replace(made, unknown=told) if isinstance(told, Problem) else told

    def _trained_on(self, name: str, model: Model) -> Input | Problem | None:
        """The rows of tonight's training, where one is due."""
        if model.refused or model.undefined or model.unknown or not model.seen:
            return None
        due = training.due(model, self._date)
        by_hand = self._by_hand and name in self._asked
        if (due is None or due.fingerprint in model.trained) and not by_hand:
            return None
        spec = self._services.model(name)
        return self._input(spec, training_window)

    # ------------------------------------------------------------ dates and windows

    def _day(self, name: str, date: dt.date) -> Day:
        model = self._models[name]
        if problem := model.refused or model.barred:
            return Day(problem)
        services, spec = self._services, self._services.model(name)

        def read() -> Day:
            outputs = services.warehouse.of_date(name, date)
            told = tuple(output_of(spec, one) for one in outputs)
            return Day(self._input(spec, scoring_window, date), told, next((o for o in told if o.head), None))

        day = _asking(read)
        return Day(day) if isinstance(day, Problem) else day

    def _input(
        self,
        spec: ModelSpec,
        window_of: Callable[..., Window],
        date: dt.date | None = None,
    ) -> Input | Problem:
        services = self._services

        def read() -> Input | Problem:
            window = window_of(spec, source_of(services, spec.source), date or self._date)
            under = ingest.owner(services, spec)
            key = (spec.source, window, under)
            if key not in self._inputs:
                self._inputs[key] = self._window(spec.source, window, under)
            return self._inputs[key]

        return _asking(read)

    def _window(self, ref: InputRef, window: Window, under: Scope) -> Input:
        services, source = self._services, source_of(self._services, ref)
        reads = tuple((model, day) for model in outputs_of(services, ref) for day in days(window))
        told = _asking(lambda: ingest.state(services, ref, window))
        made = Input(
            source=source.name,
            under=str(under),
            start=window.start.isoformat() if window.start else "",
            end=window.end.isoformat() if window.end else "",
            window=str(window),
            reads=reads,
            stated=told,
        )
        if isinstance(told, Problem):
            return made
        for hole in told.holes():
            self._look_up(hole)
        identity = told.digest(self._covered)
        return replace(made, frozen=self._frozen(source.name, window, identity, ref, under))

    def _frozen(self, source: str, window: Window, identity: str, ref: InputRef, under: Scope) -> Frozen:
        snapshots, scopes = self._services.snapshots, ingest.believed(self._services, ref, under)
        if snapshots.find(source, window, identity, scopes) is not None:
            return Frozen.YES
        if not snapshots.frozen_before(source, window, scopes):
            return Frozen.NOT_YET
        return Frozen.GONE if snapshots.lost(source, window, identity, scopes) else Frozen.CHANGED

    def _look_up(self, hole: Heads) -> None:
        heads = self._services.warehouse.heads(hole.model)
        known = self._heads.setdefault(hole.model, {})
        known |= {head.date: head.id for head in heads if hole.covers(head.date)}

    def _covered(self, hole: Heads) -> list[str]:
        known = self._heads.get(hole.model, {})
        return [known[date] for date in sorted(known) if hole.covers(date)]

    def _needed(self, inputs: Iterable[Input | Problem | None]) -> Iterator[tuple[str, dt.date]]:
        """The outputs that must be made first: tonight's, and those that readers of an earlier date lack."""
        for read in inputs:
            if not isinstance(read, Input):
                continue
            for name, date in read.reads:
                if self._models[name].seen and (date == self._date or date not in self._heads.get(name, {})):
                    yield name, date


# ---------------------------------------------------------------- what a decision needs of what there is


def standing(services: Services, model: Model, date: dt.date, also: Iterable[str] = ()) -> Model:
    """A model with its versions as they are now.

    Args:
        services: The opened system.
        model: What else is known of it.
        date: The logical date of the run.
        also: Fingerprints of trainings that are looked for, besides a repetition as of that date.

    Raises IntegrityError, AccessRefused.
    """
    registry, name, digest = services.registry, model.name, model.definition
    history, versions = registry.history(name), registry.versions(name)
    newest = registry.newest(name, digest) if digest else None
    repeated = {training.again_of(digest, date)} if digest else set()
    trained = [registry.find(name, each) for each in {*repeated, *also}]
    waits = newest is not None and not any(p.number >= newest.number for p in history)

    def told(version: ModelVersion | None) -> Version | None:
        if version is None:
            return None
        services.run.versions[version.id] = version
        chosen = [p.at for p in history if p.version_id == version.id]
        asked = waits and newest is not None and version.id == newest.id
        by_promoter = registry.by_promoter(version) if asked else True
        return version_of(services, version, chosen[-1] if chosen else 0, by_promoter)

    found = told(newest)
    return replace(
        model,
        champion=told(registry.champion(name)),
        newest=found,
        last=version_of(services, versions[-1]) if versions else None,
        trained={v.fingerprint: v for v in (found, *map(told, trained)) if v},
        promoted=max((p.number for p in history), default=0),
    )


def version_of(
    services: Services, version: ModelVersion, chosen: int = 0, by_promoter: bool = True
) -> Version:
    """What a decision needs of a version; ``chosen`` is the moment of its promotion, 0 for none."""
    spec, trained = services.model(version.model), version.training
    now = training_definition(spec, services.config.sources)
    defined = services.run.definitions.get(spec.name)
    differ = [
        name
        for name in sorted({*now, *trained.definition})
        if name.startswith("source") and now.get(name) != trained.definition.get(name)
    ]
    return Version(
        id=version.id,
        ref=version.ref,
        number=version.number,
        fingerprint=trained.fingerprint,
        definition=trained.definition_fingerprint,
        date=trained.logical_date,
        made=clock.to_datetime(version.created).date(),
        recorded=version.created,
        missed=judge_metrics(spec.training_thresholds, trained.metrics).missed,
        missed_then=tuple(trained.verdict),
        by_promoter=by_promoter,
        changed=tuple(changes(trained.definition, defined.flat if defined else now)),
        elsewhere=tuple(differ),
        chosen=chosen,
    )


def output_of(spec: ModelSpec, output: OutputVersion) -> Output:
    """What a decision needs of an output."""
    missed = judge_output(spec.output_thresholds, output.stats).missed
    return Output(
        id=output.id,
        ref=output.ref,
        fingerprint=output.fingerprint,
        held=output.state is State.HELD,
        head=output.head,
        missed=(*missed, *output.lineage.get("failed_checks", ())),
        by=str(output.lineage.get("model_version", "")),
    )


def _asking(ask: Callable[[], T]) -> T | Problem:
    """What is asked, or why it cannot be told: of one model, and no reason to stop the others."""
    try:
        return ask()
    except Exception as error:
        return _problem(error)


def _problem(error: Exception) -> Problem:
    return Problem(described(error), isinstance(error, AccessRefused), found_in(error))
