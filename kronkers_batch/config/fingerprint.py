"""Fingerprints of definitions: what is declared that counts for training, for scoring, or for neither.

The table of a model's keys says what each counts for (``Field.counts``), and what has a value of its own goes
in as that says; what has a form of its own is put together here. A test changes each field of ModelSpec and
SourceSpec, and fails where the table is wrong or incomplete. A fingerprint is the SHA-256 of the canonical
JSON of what counts, flat, with a format version. No secret, no path of this machine and no line is in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypedDict, Unpack

from kronkers_batch.config.fields import Counts
from kronkers_batch.config.fingerprint_fields import model_keys, source_keys
from kronkers_batch.config.forecast_fields import FORECAST, SAID_AT
from kronkers_batch.config.own_measure import own_measures
from kronkers_batch.config.spec import (
    CheckSpec,
    CodeFile,
    InputRef,
    ModelSpec,
    OnFailure,
    SourceSpec,
)
from kronkers_batch.digests import Json, fingerprint

FILES = "files."
"""Before the name of a file that lies beside the code; its value is a digest."""

_FORMED = frozenset(
    {
        "language",
        "task",
        "estimator",
        "parameters",
        "source",
        "features",
        "checks",
        "output",
        "target",
        "weights",
        "exposure",
        "train_only",
        "measures",
        "decision",
        *(field.name for field in FORECAST),
        "group",
    }
)
"""Keys whose value enters in a form of its own, below."""
_MEASURED = ("season", "point", "origins", "every")
"""What is said of time series that only measures a training."""
_LATER: Mapping[str, Json] = {"window.holdout_by": "", "window.refit": False}
"""Keys that came when models were trained already, with their defaults: with these they are left out."""
_CALLED = {"window": "windows"}
"""Keys that ModelSpec calls otherwise."""

# Of a check: its kind, columns, arguments, on_failure and up_to count. For training only checks that drop
# rows count (the others change no row), for scoring also those that fail (they would
# refuse the output now).
_FOR_TRAINING = (OnFailure.DROP,)
_FOR_SCORING = (OnFailure.DROP, OnFailure.FAIL)


class Digests(TypedDict, total=False):
    """Digests of files that a definition is made of.

    ``code_digest`` is of the normalised code file, empty for a declared estimator; ``environment_digest`` of
    lock files and the like, empty for the default environment. ``files`` are of the files beside the code, by
    name, and ``measures`` of the normalised code of each own measure, by the measure's name. ``imported`` are
    of ``artifact`` and ``golden``, of a model that was fitted elsewhere.
    """

    code_digest: str
    environment_digest: str
    files: Mapping[str, str]
    measures: Mapping[str, str]
    imported: Mapping[str, str]


def definition(
    model: ModelSpec, sources: Mapping[str, SourceSpec], **digests: Unpack[Digests]
) -> dict[str, Json]:
    """Everything that counts for training or scoring, flat: dotted key to JSON value.

    Args:
        model: The model.
        sources: All sources by name; those that the model reads, also through queries, are looked up.
        digests: Of files.
    """
    return _training(model, sources, digests) | _scoring(model, sources)


def definition_fingerprint(
    model: ModelSpec, sources: Mapping[str, SourceSpec], **digests: Unpack[Digests]
) -> str:
    """SHA-256 (hex) of :func:`definition`."""
    return fingerprint("definition", definition(model, sources, **digests))


def training_definition(
    model: ModelSpec, sources: Mapping[str, SourceSpec], **digests: Unpack[Digests]
) -> dict[str, Json]:
    """What counts for training, flat; arguments as in :func:`definition`."""
    return _training(model, sources, digests)


def training_fingerprint(
    model: ModelSpec, sources: Mapping[str, SourceSpec], **digests: Unpack[Digests]
) -> str:
    """SHA-256 (hex) of :func:`training_definition`: another one means that the model trains anew."""
    return fingerprint("training", _training(model, sources, digests))


def scoring_definition(model: ModelSpec, sources: Mapping[str, SourceSpec]) -> dict[str, Json]:
    """What counts for scoring, flat; :func:`~kronkers_batch.digests.scoring_digest` is of it."""
    return _scoring(model, sources)


def _training(model: ModelSpec, sources: Mapping[str, SourceSpec], digests: Digests) -> dict[str, Json]:
    found: dict[str, Json] = {
        "language": str(model.language),
        "task": str(model.task),
        "code": digests.get("code_digest", ""),
        "environment": digests.get("environment_digest", ""),
        "target": model.target,
        "target_type": str(model.target_type or ""),
        "checks.input.drop": _checks(model.input_checks, _FOR_TRAINING),
    }
    if not isinstance(model.model, CodeFile):
        estimator = model.model
        found |= {"estimator.target": estimator.target, "estimator.formula": estimator.formula}
        found["estimator.predict"] = estimator.predict
        if estimator.per_quantile:
            found["estimator.per_quantile"] = estimator.per_quantile
        if estimator.categories:
            found["estimator.categories"] = estimator.categories
        found |= _flat("estimator.arguments", estimator.arguments)
        found |= _flat("estimator.predict_arguments", estimator.predict_arguments)
    found |= _flat("parameters", model.parameters)
    found |= {FILES + name: digest for name, digest in digests.get("files", {}).items()}
    found |= digests.get("imported", {})
    found |= own_measures(model.measures, digests.get("measures", {}))
    if not model.evaluates_first:  # which is what was measured before it could be said
        found["output.evaluate"] = model.evaluate
    found |= _said(model, Counts.TRAINING) | _goal(model)
    return found | _common(model) | _sources(model.source, sources, _FOR_TRAINING, "drop")


def _goal(model: ModelSpec) -> dict[str, Json]:
    """What is said of the target and of columns with a role; nothing where nothing is."""
    goal = model.goal
    said: dict[str, Json] = {
        "target.positive": goal.positive,
        "target.classes": list(goal.classes),
        "target.ordered": goal.ordered,
        "target.loss": goal.loss or model.own_loss,
        "target.as": goal.judged_as,
        "output.quantiles": list(goal.quantiles),
        "output.higher_is": goal.higher_is,
        "decision.top": goal.top,
        "group": goal.group,
        "target.at": goal.at,
        "target.event": goal.event,
        "target.horizons": list(goal.horizons),
        "weights": goal.weights,
        "train_only": [[column.name, str(column.type)] for column in model.fit_only],
    }
    return {key: value for key, value in said.items() if value} | _of_series(model, for_training=True)


def _of_series(model: ModelSpec, *, for_training: bool) -> dict[str, Json]:
    """What is said of time series: what only measures a training, or all else."""
    panel = model.goal.panel
    said = panel.to_json() | {"history": plain(panel.history or model.windows.train)} if panel else {}
    return {SAID_AT.get(name, name): v for name, v in said.items() if (name in _MEASURED) is for_training}


def _scoring(model: ModelSpec, sources: Mapping[str, SourceSpec]) -> dict[str, Json]:
    found: dict[str, Json] = {
        "checks.input": _checks(model.input_checks, _FOR_SCORING),
        "checks.output": _checks(model.output_checks, _FOR_SCORING),
    }
    found |= _said(model, Counts.SCORING)
    return found | _common(model) | _sources(model.source, sources, _FOR_SCORING, "all")


def _common(model: ModelSpec) -> dict[str, Json]:
    found: dict[str, Json] = {
        "source": _ref(model.source),
        "features": [f.name for f in model.features],
        "output.columns": [[c.name, str(c.type)] for c in model.output_columns],
    }
    found |= _said(model, Counts.BOTH) | _of_series(model, for_training=False)
    if model.goal.exposure:
        found["exposure"] = model.goal.exposure
    for feature in model.features:
        found[f"features.{feature.name}"] = str(feature.type)
        if feature.levels:
            found[f"features.{feature.name}.levels"] = list(feature.levels)
        if feature.reference:
            found[f"features.{feature.name}.reference"] = feature.reference
        if feature.nulls:
            found[f"features.{feature.name}.nulls"] = True
    return found


def _said(model: ModelSpec, counts: Counts) -> dict[str, Json]:
    """The keys that count for this, and whose value is what stands in the model."""
    found: dict[str, Json] = {}
    for key, what in model_keys().items():
        first, _, below = key.partition(".")
        if what is counts and first not in _FORMED:
            value = getattr(model, _CALLED.get(first, first))
            said = plain(getattr(value, below) if below else value)
            if key not in _LATER or said != _LATER[key]:
                found[key] = said
    return found


def _sources(
    ref: InputRef, sources: Mapping[str, SourceSpec], counted: tuple[OnFailure, ...], purpose: str
) -> dict[str, Json]:
    """The definitions of a source and of all sources that its query reads; outputs count by name."""
    found: dict[str, Json] = {}
    waiting, seen = [ref.source], set()
    while waiting:
        name = waiting.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        source = sources[name]
        found |= source_fields(f"source.{name}", source, counted, purpose)
        for table, inner in source.inputs.items():
            found[f"source.{name}.inputs.{table}"] = _ref(inner)
            waiting.append(inner.source)
    return found


def source_fields(
    prefix: str, source: SourceSpec, counted: tuple[OnFailure, ...], purpose: str = "all"
) -> dict[str, Json]:
    """What counts of a source, flat, with those of its checks whose failure does one of these."""
    found: dict[str, Json] = {
        f"{prefix}.kind": str(source.kind),
        f"{prefix}.columns": [[c.name, str(c.type), list(c.levels)] for c in source.schema],
        f"{prefix}.time_column": source.time_column,
        f"{prefix}.package": source.package,
        f"{prefix}.query": source.query,
        f"{prefix}.output": source.output,
        f"{prefix}.csv": dict(source.csv),
    }
    keys = source_keys()
    options = {key: value for key, value in source.options.items() if keys.get(key) is not Counts.NEVER}
    if options:  # which no kind had when the first fingerprints were stored
        found[f"{prefix}.options"] = plain(options)
    found[f"{prefix}.checks.{purpose}"] = _checks(source.checks, counted)
    return found


def _checks(checks: Iterable[CheckSpec], counted: tuple[OnFailure, ...]) -> list[Json]:
    return [
        [str(c.kind), list(c.columns), plain(dict(c.arguments)), str(c.on_failure), c.up_to]
        for c in checks
        if c.on_failure in counted
    ]


def _ref(ref: InputRef) -> Json:
    return {"source": ref.source} if ref.source else {"output": ref.output}


def _flat(prefix: str, values: Mapping[str, object]) -> dict[str, Json]:
    """Nested mappings as dotted keys, so that a change names the one value that changed."""
    found: dict[str, Json] = {}
    for name, value in values.items():
        # {"a.b": 1} and {"a": {"b": 1}} must not look the same.
        key = prefix + "." + str(name).replace("\\", "\\\\").replace(".", "\\.")
        if isinstance(value, Mapping) and value:
            found |= _flat(key, value)
        else:
            found[key] = plain(value)
    return found


def plain(value: object) -> Json:
    """A JSON value: durations in seconds, times as ISO text. Raises TypeError on a secret or an object."""
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, StrEnum) else value
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} does not enter a fingerprint")
