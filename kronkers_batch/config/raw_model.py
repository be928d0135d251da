"""One model file as read, before references are followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kronkers_batch.config import forecast_fields
from kronkers_batch.config.check_specs import RawCheck
from kronkers_batch.config.feature_fields import RawFeature
from kronkers_batch.config.fields import Bad, read_table
from kronkers_batch.config.forecast_fields import ForecastValues
from kronkers_batch.config.goal_values import goal_of, output_columns
from kronkers_batch.config.languages import Language
from kronkers_batch.config.measure_fields import MeasureValues
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.model_parts import (
    ResourcesValues,
    RetrainValues,
    WindowValues,
)
from kronkers_batch.config.nodes import Mapping, Node
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.source_file import check_name
from kronkers_batch.config.spec import InputRef, Promote, RowsPolicy, Unseen
from kronkers_batch.config.task_fields import (
    DecisionValues,
    OutputValues,
    TargetValues,
)
from kronkers_batch.digests import Json
from kronkers_batch.learning import Goal, Task


class ModelValues(ForecastValues):
    """What MODEL reads of a file. None: it is absent, or was refused."""

    name: str | None
    department: str | None
    owner: str | None
    description: str
    language: Language | None
    task: Task | None
    code: str | None
    estimator: dict[str, Any] | None
    artifact: str
    golden: str
    parameters: dict[str, Json]
    data: str
    environment: dict[str, str]
    source: InputRef | None
    features: dict[str, RawFeature] | None
    key: tuple[str, ...] | None
    target: TargetValues | None
    weights: str
    exposure: str
    group: str
    train_only: tuple[str, ...]
    audit_columns: tuple[str, ...]
    measures: dict[str, MeasureValues]
    window: WindowValues
    checks: dict[str, tuple[RawCheck, ...]]
    schedule: str
    thresholds: dict[str, dict[str, tuple[float | None, float | None, Node]]]
    retrain: RetrainValues
    promote: Promote
    rows: RowsPolicy
    unseen: Unseen
    output: OutputValues
    decision: DecisionValues
    resources: ResourcesValues
    seed: int
    enabled: bool


@dataclass(frozen=True)
class RawModel:
    """A model file as read, before references are followed."""

    name: str
    tree: Mapping
    values: ModelValues
    overrides: tuple[str, ...] = ()

    @property
    def goal(self) -> Goal:
        """What is said of the target and of columns with a role."""
        return _goal(self.values)

    @property
    def judge(self) -> Task | None:
        """The kind by whose metrics it is measured; None where no task is named."""
        task = self.values["task"]
        return task and task.judge(self.goal)

    @property
    def refits(self) -> bool:
        """Whether it is fitted once more, on all labelled rows: as it says, else as its task does."""
        said, task = self.values["window"]["refit"], self.values["task"]
        return said if said is not None else task is not None and task.refits

    def at(self, *path: str) -> Node:
        """The node of a key, or the nearest one above it where it is absent."""
        node: Node = self.tree
        for key in path:
            if not isinstance(node, Mapping) or key not in node.items:
                break
            node = node.items[key]
        return node


def _goal(values: ModelValues) -> Goal:
    target, output, task = values["target"], values["output"], values["task"]
    goal = goal_of(
        target,
        output,
        values["decision"],
        weights=values["weights"],
        exposure=values["exposure"],
        group=values["group"],
        panel=forecast_fields.panel_of(values, task, target, output, values["window"]["holdout"]),
        measures=values["measures"],
    )
    first = next(iter(task.judge(goal).losses), "") if task else ""
    return replace(goal, loss="") if goal.loss == first else goal  # what is so anyway trains nothing anew


def read_model(name: str, tree: Node, overrides: tuple[str, ...], problems: Problems) -> RawModel | None:
    """The values of one model file; what is wrong is reported."""
    try:
        found: Any = read_table(MODEL, tree, "", problems)
    except Bad as bad:
        problems.add(tree.origin(""), bad.what, bad.fix)
        return None
    assert isinstance(tree, Mapping)  # noqa: S101 - read_table refuses anything else
    for field in MODEL.fields:
        if field.kind.nested and field.kind.table is not None and not found[field.name]:
            found[field.name] = {below.name: below.default for below in field.kind.table.fields}
    values: ModelValues = found
    has = values["features"] is not None
    forecast_fields.refuse_without_features(tree, values["task"], has=has, problems=problems)
    values["output"]["columns"] = output_columns(values["task"], _goal(values), found["output"]["columns"])
    check_name(name, values["name"], tree, problems)
    return RawModel(name, tree, values, overrides)
