"""What a decision needs of what there is: versions, outputs and errors as facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from kronkers_batch.config.definition_changes import changes
from kronkers_batch.config.fingerprint import training_definition
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import AccessRefused, KronkersError, described, found_in
from kronkers_batch.monitoring.gates import judge_metrics, judge_output
from kronkers_batch.planning import training_due
from kronkers_batch.planning.facts import Model, Output, Problem, Version
from kronkers_batch.registry.standing import Asked, Standing
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock, seen
from kronkers_batch.warehouse.versions import OutputVersion, State

T = TypeVar("T")


def standing(services: Services, model: Model, date: dt.date, also: Iterable[str] = ()) -> Model:
    """A model with its versions as they are now; see :func:`standings`.

    ``also`` are fingerprints of trainings that are looked for, besides a repetition as of the date. Raises
    IntegrityError, AccessRefused.
    """
    asked = _asked(model, date, also)
    return _with_versions(
        services, model, seen.given(services.registry.standings({model.name: asked})[model.name])
    )


def standings(services: Services, models: Mapping[str, Model], date: dt.date) -> dict[str, Model]:
    """Models with their versions as they are now; of one that cannot be read the problem is in it."""
    asked = {name: _asked(model, date) for name, model in models.items() if not model.refused and model.seen}
    found = services.registry.standings(asked) if asked else {}
    known = dict(models)
    for name, there in found.items():
        if isinstance(there, KronkersError):
            known[name] = replace(known[name], unknown=problem_of(there))
        else:
            known[name] = _with_versions(services, known[name], there)
    return known


def _asked(model: Model, date: dt.date, also: Iterable[str] = ()) -> Asked:
    repeated = {training_due.again_of(model.definition, date)} if model.definition else set()
    return Asked(model.definition, tuple(sorted({*repeated, *also})))


def _with_versions(services: Services, model: Model, there: Standing) -> Model:
    known: dict[str, Version] = {}  # champion, newest and last are often one version

    def fact(version: ModelVersion | None, *, chosen: int = 0, by_promoter: bool = True) -> Version | None:
        if version is None:
            return None
        services.run.versions[version.id] = version
        if version.id not in known:
            others = there.champion is not None and there.champion.id != version.id
            known[version.id] = version_of(services, version, has_champion=others)
        return replace(known[version.id], chosen=chosen, by_promoter=by_promoter)

    newest = fact(there.newest, by_promoter=there.by_promoter)
    trained = [fact(version, by_promoter=there.by_promoter) for version in there.found.values()]
    return replace(
        model,
        champion=fact(there.champion, chosen=there.chosen),
        newest=newest,
        last=fact(there.last),
        trained={version.fingerprint: version for version in (*trained, newest) if version},
        promoted=there.promoted,
    )


def version_of(services: Services, version: ModelVersion, *, has_champion: bool) -> Version:
    """What a decision needs of a version but who chose it when.

    Where another version is the champion by now, nothing excuses that it was compared with none.
    """
    spec, trained = services.model(version.model), version.training
    now = training_definition(spec, services.config.sources)
    defined = services.run.definitions.get(spec.name)
    excused = () if has_champion else trained.excused
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
        missed=judge_metrics(spec.training_thresholds, trained.metrics, excused).missed,
        missed_then=tuple(trained.verdict),
        changed=tuple(changes(trained.definition, defined.flat if defined else now)),
        elsewhere=tuple(differ),
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


def asking(ask: Callable[[], T]) -> T | Problem:
    """What is asked, or why there is no answer: of one model, and no reason to stop the others."""
    try:
        return ask()
    except Exception as error:
        return problem_of(error)


def problem_of(error: Exception) -> Problem:
    """An error as a fact."""
    return Problem(described(error), isinstance(error, AccessRefused), found_in(error))
