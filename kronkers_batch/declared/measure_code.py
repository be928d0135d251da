"""The code of own measures as it is read once a run, and what their workers are given.

A measure's worker has the code of the measure, and nothing of the model. It runs in the model's environment
where both are of one language, else in what this machine has for the measure's language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.places import Places
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    Environment,
    ModelSpec,
    Origin,
    OutputColumn,
)
from kronkers_batch.declared.kept import code_text
from kronkers_batch.declared.workers import environment_at
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode, Walls, WorkerSpec

if TYPE_CHECKING:
    from kronkers_batch.session.services import Services


def environment_of(model: ModelSpec, measure: Measure) -> Environment:
    """What a measure runs in."""
    return model.environment if measure.language is model.language else Environment()


def declared_at(model: ModelSpec, measure: Measure) -> Origin:
    """The line that names the code of a measure."""
    return model.origins.get(f"measures.{measure.name}.code", model.origin)


def read_measures(services: Services, model: ModelSpec) -> dict[str, KeptCode]:
    """The code of each measure of a model, read once a run. Raises ModelError."""
    run = services.run
    if model.name not in run.measure_code:
        run.measure_code[model.name] = kept_measures(model, services.places)
    return run.measure_code[model.name]


def kept_measures(model: ModelSpec, places: Places) -> dict[str, KeptCode]:
    """The code of each measure of a model as it is now. Raises ModelError as for the model's own code."""
    return {measure.name: kept_measure(model, measure, places) for measure in model.measures}


def kept_measure(model: ModelSpec, measure: Measure, places: Places) -> KeptCode:
    """The code of one of them."""
    text = code_text(measure.path, model, places)
    return KeptCode(PLACE / measure.path.name, declared_at(model, measure), text)


def truth_column(model: ModelSpec) -> Column:
    """The target as a measure sees it: as ``fit`` does."""
    if model.target_type is None:
        raise ValueError("a model without a target has no measures")
    return model.judge.sent(Column(model.target, model.target_type), model.goal)


def score_columns(model: ModelSpec) -> Schema:
    """The measured scores as a measure sees them: as numbers, called as the model's ``score`` calls them."""
    returned = model.judge.returned(model.goal)
    return Schema(tuple(Column(returned.get(name, name), ColumnType.FLOAT) for name in model.measured))


def measure_spec(
    model: ModelSpec,
    measure: Measure,
    code: KeptCode,
    features: Schema,
    sandbox: SandboxPolicy,
    walls: Walls,
    log: Callable[[str], None] = lambda _line: None,
) -> WorkerSpec:
    """What a worker of this measure is given. ``features`` has the training's levels of every category."""
    is_shared = measure.language is model.language
    return WorkerSpec(
        name=f"{model.name}, measure {measure.name}",
        language=measure.language,
        model=code,
        task=model.judge,
        parameters={},
        data=model.data,
        environment=environment_of(model, measure),
        features=features,
        target=truth_column(model),
        outputs=tuple(OutputColumn(column.name, column.type) for column in score_columns(model)),
        unseen=model.unseen,
        resources=model.resources,
        seed=model.seed,
        sandbox=sandbox,
        log=log,
        walls=walls,
        environment_at=environment_at(model) if is_shared else "",
        goal=model.goal,
        measure=measure,
    )
