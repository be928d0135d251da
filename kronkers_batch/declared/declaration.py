"""A model as declared when a version was trained: the version scores with its own code, not with today's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from kronkers_batch.config.fingerprint import plain
from kronkers_batch.config.imported import Imported
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import (
    Estimator,
    ModelSpec,
    OutputColumn,
    RowsPolicy,
    Unseen,
)
from kronkers_batch.declared.kept import kept_code
from kronkers_batch.errors import ModelError
from kronkers_batch.families import Family
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode
from kronkers_batch.session.known import Neighbours
from kronkers_batch.session.services import Services

T = TypeVar("T")


def declaration(
    model: ModelSpec, code: KeptCode | None, measures: Mapping[str, KeptCode] | None = None
) -> dict[str, Any]:
    """What a version needs to score as it was trained, as JSON values; other files go with the artifact.

    Of own measures, which no score needs, it has the SHA-256 of their code files.
    """
    found = {
        "language": str(model.language),
        "task": str(model.task),
        "code": code.text if code else "",
        "estimator": _estimator(model.model) if isinstance(model.model, Estimator) else None,
        "file": code.path.name if code else "",
        "parameters": plain(model.parameters),
        "data": model.data,
        "outputs": [[c.name, str(c.type)] for c in model.output_columns],
        "rows": str(model.rows),
        "unseen": str(model.unseen),
        "seed": model.seed,
    }
    if model.goal != Goal():
        found["goal"] = model.goal.to_json()
    if model.imported is not None:
        found["imported"] = True
    if code and code.files:
        found["files"] = {name: hashlib.sha256(raw).hexdigest() for name, raw in code.files.items()}
    if measures:
        found["measures"] = {
            name: hashlib.sha256(kept.text.encode()).hexdigest() for name, kept in measures.items()
        }
    return found


def _estimator(estimator: Estimator) -> dict[str, Any]:
    found = {
        "target": estimator.target,
        "arguments": plain(estimator.arguments),
        "formula": estimator.formula,
        "predict": estimator.predict,
        "predict_arguments": plain(estimator.predict_arguments),
    }
    later = {"per_quantile": estimator.per_quantile, "categories": estimator.categories}
    return found | {name: value for name, value in later.items() if value}


def as_trained(
    model: ModelSpec, version: ModelVersion, files: Mapping[str, bytes] | None = None
) -> ModelSpec:
    """Today's declaration with everything that a version's scores depend on put back as it was trained.

    ``files`` are those that lay beside the code, where a worker is to run it.
    Raises ModelError where this program has no such language or task any more.
    """
    then: Mapping[str, Any] = version.training.declaration
    estimator = then["estimator"]
    code: KeptCode | Estimator
    if estimator is None:
        code = KeptCode(PLACE / then["file"], model.model.origin, then["code"], files or {})
    else:
        code = Estimator(**estimator, origin=model.model.origin)
    goal = Goal.of(then.get("goal", {}))
    return replace(
        model,
        key=goal.panel.key if goal.panel else model.key,
        language=_kind(LANGUAGES, then["language"], "language", version),
        task=_kind(TASKS, then["task"], "task", version),
        model=code,
        parameters=then["parameters"],
        data=then["data"],
        output_columns=tuple(OutputColumn(n, ColumnType(t)) for n, t in then["outputs"]),
        rows=RowsPolicy(then["rows"]),
        unseen=Unseen(then["unseen"]),
        seed=then["seed"],
        goal=goal,
        imported=Imported(PLACE / "artifact") if then.get("imported") else None,
    )


def _kind(family: Family[T], name: str, what: str, version: ModelVersion) -> T:
    if name not in family:
        raise ModelError(
            f"{version.ref} was trained as {what} {name}, which this installation does not know",
            where=f"model {version.training.model}",
            fix=f"train it as one of {', '.join(family)}, or use the installation that trained it",
        )
    return family[name]


def read_code(services: Services, model: ModelSpec) -> KeptCode | None:
    """The files of a model, read once a run; None for a declared estimator. Raises ModelError.

    Once, so that what runs is what was looked at: a file may change at any time.
    """
    run = services.run
    if model.name not in run.code:
        run.neighbours = run.neighbours or Neighbours.of(services.config)
        run.code[model.name] = kept_code(model, services.places, run.neighbours)
    return run.code[model.name]
