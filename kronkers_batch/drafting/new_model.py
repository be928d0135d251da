"""``kronkers new``: reads rows, infers what a model of them needs, and writes its files."""

from __future__ import annotations

from dataclasses import replace

from kronkers_batch.access import rights
from kronkers_batch.config.kinds import unsafe_name
from kronkers_batch.config.load import load
from kronkers_batch.config.problems import suggest
from kronkers_batch.drafting import aims, feature_choice, from_csv, from_source
from kronkers_batch.drafting.asked import Asked, Found
from kronkers_batch.drafting.draft import CODES, Draft, Inferred, Parts, model_files, places, some
from kronkers_batch.drafting.writing_together import refuse_existing, written
from kronkers_batch.errors import UsageError
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope


def new_model(services: Services, asked: Asked) -> Draft:
    """Writes the files of a first model, or none of them.

    Raises UsageError, DataError, AccessRefused, ConfigErrors, StoreError.
    """
    if why := unsafe_name(asked.name):
        raise UsageError(f"{asked.name!r} is no name of a model: {why}", fix="Choose another name.")
    if asked.language not in CODES:
        raise UsageError(
            f"there is no first model in {asked.language!r}", fix=f"Write one of: {', '.join(CODES)}"
        )
    asked = replace(asked, department=_department(services, asked))
    rights.require_scope(services, "new", Scope(asked.department))
    refuse_existing(list(places(services.config.root, asked.name, asked.language)))
    found = from_csv.found(services, asked, asked.csv) if asked.csv else from_source.found(services, asked)
    draft = _drafted(services, asked, found)
    with written(draft.files, services.config.root / "config.yaml"):
        load(services.config.root)  # what is wrong with them is found before the files stay
    return draft


def _department(services: Services, asked: Asked) -> str:
    known = services.config.departments
    if asked.department:
        if asked.department not in known:
            raise UsageError(
                f"no department is called {asked.department!r}",
                fix=suggest(asked.department, known) if known else _first_department(services),
            )
        return asked.department
    if not asked.csv:
        return services.source(asked.source).department
    if len(known) == 1:
        return next(iter(known))
    raise UsageError(
        "conf has several departments" if known else "conf has no department yet",
        fix=f"Add --department NAME: one of {', '.join(known)}" if known else _first_department(services),
    )


def _first_department(services: Services) -> str:
    return f"Write {services.config.root}/department/NAME.yaml with one line: owner: YOUR NAME"


def _drafted(services: Services, asked: Asked, found: Found) -> Draft:
    seen, period = found.survey, found.period
    aim = aims.of(seen.columns[asked.target], asked.task)
    left_out: dict[str, str] = {}
    if asked.features is not None:
        features = feature_choice.asked(seen.columns, asked.features, asked.target)
        why = "--features says so"
    else:
        features, left_out = feature_choice.choose(
            seen.columns, (asked.target, *found.key, period.time_column)
        )
        why = "they differ between rows"
    parts = Parts(
        name=asked.name,
        department=asked.department,
        owner=services.config.departments[asked.department].owner,
        language=asked.language,
        source=found.source,
        target=asked.target,
        aim=aim,
        period=period,
        features=features,
        survey=seen,
        key=found.own_key,
    )
    inferred = [
        *found.inferred,
        Inferred("time", period.time_column or "none", period.why),
        Inferred("task", aim.task, aim.why),
        Inferred("features", some(features), why),
    ]
    if period.date:
        held = f"the {period.holdout} days before it measure the model"
        inferred.append(Inferred("date", str(period.date), f"its rows are scored; {held}"))
    inferred += [Inferred("left out", name, why) for name, why in left_out.items()]
    files = {**found.files, **model_files(parts, services.config.root)}
    return Draft(files, tuple(inferred), period, aim.task)
