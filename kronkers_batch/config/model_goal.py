"""What a model says of its target and of columns with a role, held against its task and its source."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from itertools import pairwise

from kronkers_batch.config import measure_goal, model_target
from kronkers_batch.config.kinds import unsafe_column
from kronkers_batch.config.nodes import Mapping, Sequence
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import Feature, RowsPolicy
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import NUMBERS, TASKS, Goal, Task, UsesTarget
from kronkers_batch.learning.anomaly import LESS_ODD
from kronkers_batch.learning.quantiles import called

_SAID_AT = {
    "positive": ("target", "positive"),
    "classes": ("target", "classes"),
    "ordered": ("target", "ordered"),
    "loss": ("target", "loss"),
    "quantiles": ("output", "quantiles"),
    "exposure": ("exposure",),
    "judged_as": ("target", "as"),
    "higher_is": ("output", "higher_is"),
    "top": ("decision", "top"),
    "group": ("group",),
    "at": ("target", "at"),
    "event": ("target", "event"),
    "horizons": ("target", "horizons"),
}
"""Where a model file says each attribute of a goal that only some tasks have."""
MOST_CLASSES = 200


def check(raw: RawModel, columns: MappingType[str, Column], problems: Problems) -> ColumnType | None:
    """Reports what cannot be; returns the type of the target in its source, where it is there."""
    task, judge, goal = raw.values["task"], raw.judge, raw.goal
    if task is not None and judge is not None:
        if raw.values["target"] is not None or task.target is not UsesTarget.MAYBE:
            _keys(raw, task, goal, problems)
        _values(raw, judge, goal, problems)
        _refuse_own_columns(raw, judge, problems)
        if raw.values["decision"]["by"] and "top" not in judge.keys:
            where = raw.at("decision", "by").origin("decision.by")
            problems.add(where, f"'decision.by' is not for the task {task}", "remove it")
        _refuse_learning(raw, task, problems)
    group = raw.values["window"]["holdout_by"]
    if group and group not in columns:
        where = raw.at("window", "holdout_by").origin("window.holdout_by")
        problems.add(where, f"there is no column '{group}' in the source", suggest(group, columns))
    if group and raw.values["rows"] is RowsPolicy.WHOLE:
        where = raw.at("window", "holdout_by").origin("window.holdout_by")
        what = "holdout_by holds out parts of a window, and rows: whole needs all of a window's rows at once"
        problems.add(where, what, "hold out by time, or declare rows: independent")
    for name, path in _roles(raw):
        _role(raw, name, path, columns, problems)
    return model_target.check(raw, columns, problems)


def _refuse_learning(raw: RawModel, task: Task, problems: Problems) -> None:
    """Reports what is for ``fit`` alone, where nothing is fitted."""
    if not task.judge(raw.goal).declarable and task.learns and raw.values["estimator"]:
        where = raw.at("estimator").origin("estimator")
        problems.add(
            where, f"the task {task} has no declared estimators", "write code: PATH, with fit and score"
        )
    for key in ("estimator", "weights", "train_only") if not task.learns else ():
        if key in raw.tree.items and raw.values[key]:
            what = f"'{key}' is for fit, and a model of the task {task} learns nothing from data"
            problems.add(raw.at(key).origin(key), what, "remove it; its code has the function score alone")


def check_method(raw: RawModel, target: str, method: str, problems: Problems) -> None:
    """Reports a class of Python whose ``predict`` gives no scores, and scores whose sense is not clear."""
    task, language = raw.values["task"], raw.values["language"]
    methods = task.scoring_methods if task is not None else ()
    if not methods or language is None or language.estimator_key != "_target_":
        return
    where = raw.at("estimator", "predict").origin("estimator.predict")
    if not method:
        what = f"the estimator does not say which method scores: the task {task} has no usual one"
        problems.add(where, what, f"add predict: {' or '.join(methods)}")
    elif method in methods and target.startswith("sklearn.") and not raw.goal.higher_is:
        what = f"scikit-learn's {method} is low for odd rows, and output.higher_is does not say so"
        problems.add(where, what, f"write output: {{higher_is: {LESS_ODD}}}")


def _keys(raw: RawModel, task: Task, goal: Goal, problems: Problems) -> None:
    judge = task.judge(goal)
    allowed = {*task.keys, *judge.keys}
    for name, path in _SAID_AT.items():
        key = ".".join(path)
        if getattr(goal, name) and name not in allowed:
            others = ", ".join(str(one) for one in TASKS.values() if name in one.keys)
            problems.add(
                raw.at(*path).origin(key),
                f"'{key}' is not for the task {task}",
                f"remove it; it is for: {others}",
            )
        if name in (*task.required, *judge.required) and not getattr(goal, name):
            example = getattr(judge.example, name) or getattr(task.example, name)
            said = str(list(example)).replace("'", "") if isinstance(example, tuple) else example
            problems.add(
                raw.at(*path).origin(key),
                f"the task {task} needs '{key}'",
                f"write it, such as {path[-1]}: {said}",
            )


def _values(raw: RawModel, task: Task, goal: Goal, problems: Problems) -> None:
    if goal.loss and "loss" in task.keys:
        where = raw.at("target", "loss").origin("target.loss")
        if goal.loss not in task.losses:
            what = f"the task {task} has no loss '{goal.loss}'"
            problems.add(where, what, suggest(goal.loss, [*task.losses, *measure_goal.losses(raw)]))
        elif goal.loss in task.of_ordered and not goal.ordered:
            what = f"the loss '{goal.loss}' needs classes whose order means something"
            problems.add(where, what, "write ordered: true, or choose another loss")
    written = raw.at("target", "classes")
    read = not isinstance(written, Sequence) or len(written.items) == len(goal.classes)
    for what, fix in _wrong_classes(goal) if read and "classes" in task.keys else ():
        problems.add(raw.at("target", "classes").origin("target.classes"), what, fix)
    if "horizons" in task.keys:
        _horizons(raw, goal, problems)
    levels = goal.quantiles
    if "quantiles" in task.keys and not (
        all(0 < level < 1 for level in levels) and all(a < b for a, b in pairwise(levels))
    ):
        where = raw.at("output", "quantiles").origin("output.quantiles")
        problems.add(
            where, "the quantiles are not ascending numbers between 0 and 1", "such as [0.1, 0.5, 0.9]"
        )
    elif "quantiles" in task.keys and len(set(map(called, levels))) < len(levels):
        where = raw.at("output", "quantiles").origin("output.quantiles")
        problems.add(where, "two quantiles are too near to have different names", "allowed: up to 6 digits")


def _horizons(raw: RawModel, goal: Goal, problems: Problems) -> None:
    if not (all(h > 0 for h in goal.horizons) and all(a < b for a, b in pairwise(goal.horizons))):
        where = raw.at("target", "horizons").origin("target.horizons")
        problems.add(where, "the horizons are not ascending numbers above 0", "such as [90, 365]")


_STATISTICS = (".min", ".max", ".mean")


def refuse_names_alike(raw: RawModel, problems: Problems) -> None:
    """Reports output columns that differ only in case, and those that read as a statistic of another one."""
    names = list(raw.values["output"]["columns"])
    where = raw.at("output", "columns").origin("output.columns")
    for number, name in enumerate(names):
        for other in names[:number]:
            if name.casefold() == other.casefold():
                what = f"the output columns '{other}' and '{name}' differ only in case"
                problems.add(where, what, "give one another name: SQL and spreadsheets take them for one")
    for name in names:
        stem = next((name.removesuffix(end) for end in _STATISTICS if name.endswith(end)), "")
        if stem in names:
            what = f"the output column '{name}' reads as a statistic of '{stem}' in thresholds"
            problems.add(where, what, "give it another name")


def _wrong_classes(goal: Goal) -> Iterator[tuple[str, str]]:
    classes = goal.classes
    if not classes:
        return
    if len(set(classes)) < len(classes):
        yield "a class is listed twice", "list each class once"
    elif len(classes) == 2:
        yield "there are two classes", "declare task: binary, with target: {column: NAME, positive: VALUE}"
    elif len(classes) < 2:
        yield "there is one class", "list all classes that the target may have"
    if len(classes) > MOST_CLASSES:
        yield f"there are {len(classes):,} classes", f"allowed: up to {MOST_CLASSES}; join the rare ones"
    for name in classes:
        if unsafe_column(name):
            yield (
                f"the class {name[:60]!r} is not safe as a column's name",
                "derive other names in a query source",
            )


def _roles(raw: RawModel) -> Iterator[tuple[str, tuple[str, ...]]]:
    values = raw.values
    said = ("weights", values["weights"]), ("exposure", values["exposure"]), ("group", values["group"])
    for role, name in said:
        if name:
            yield name, (role,)
    if raw.goal.event:
        yield raw.goal.event, ("target", "event")
    for number, name in enumerate(values["train_only"]):
        yield name, ("train_only", str(number))
    for number, name in enumerate(values["audit_columns"]):
        yield name, ("audit_columns", str(number))


def _role(
    raw: RawModel,
    name: str,
    path: tuple[str, ...],
    columns: MappingType[str, Column],
    problems: Problems,
) -> None:
    role, target = path[0] if path[0] != "target" else path[1], model_target.named(raw)
    where = raw.at(*path[: 1 + (path[0] == "target")]).origin(".".join(path))
    if name not in columns:
        problems.add(where, f"there is no column '{name}' in the source", suggest(name, columns))
    elif role in ("weights", "exposure") and columns[name].type not in NUMBERS:
        what = f"the column '{name}' is {columns[name].type}, and {role} must be numbers"
        problems.add(where, what, f"allowed types: {', '.join(NUMBERS)}")
    elif role == "event" and columns[name].type not in (*NUMBERS, ColumnType.BOOLEAN):
        what = f"the column '{name}' is {columns[name].type}, and an event is a boolean, or 0 and 1"
        problems.add(where, what, "derive one of them in a query source")
    if name == target:
        problems.add(where, f"the target '{name}' is also named as {role}", "remove it here")
    values = raw.values
    seen = {*(values["features"] or ()), *values["future"], *values["past"], *values["static"]}
    if role != "group" and name in seen:
        what = f"the column '{name}' is a feature and named as {role}"
        problems.add(where, what, "remove it from the features, or here")
    if [named for named, _ in _roles(raw)].count(name) > 1:
        problems.add(where, f"the column '{name}' has two roles", "name it once")


def evaluated(raw: RawModel, problems: Problems) -> str | None:
    """The output column that is measured; empty where the task says which ones are.

    None where it is not clear, which is reported.
    """
    output, task, by = raw.values["output"], raw.judge, raw.values["decision"]["by"]
    outputs, said = output["columns"], output["evaluate"] or by or None
    if task is None or not outputs:
        return None  # reported where it is
    path = ("decision", "by") if by and not output["evaluate"] else ("output", "evaluate")
    where = raw.at(*path).origin(".".join(path))
    if by and said != by:
        at = raw.at("decision", "by").origin("decision.by")
        problems.add(at, "'decision.by' and 'output.evaluate' name different columns", "name one of them")
    if task.fixed(raw.goal) or task.fixed(task.example):
        if said is not None and not task.of_series:
            problems.add(
                where, f"'output.evaluate' is not for the task {task}", "remove it: all are measured"
            )
            return None
        return ""
    can = [name for name, kind in outputs.items() if ColumnType(kind) in task.measured_types]
    allowed = ", ".join(task.measured_types)
    if said is not None and said not in outputs:
        problems.add(where, f"there is no output column '{said}'", suggest(said, outputs))
    elif said is not None and said not in can:
        what = f"the output column '{said}' is {outputs[said]}, which cannot be measured for the task {task}"
        problems.add(where, what, f"allowed types: {allowed}")
    elif not can:
        what = f"no output column can be measured for the task {task}"
        problems.add(raw.at("output", "columns").origin("output.columns"), what, f"allowed types: {allowed}")
    elif said is None and len(can) > 1:
        what = f"several output columns could be measured: {', '.join(can)}"
        problems.add(where, what, "name the one to measure: output.evaluate: COLUMN")
    else:
        return str(said or can[0])
    return None


def _refuse_own_columns(raw: RawModel, task: Task, problems: Problems) -> None:
    """Reports declared output columns that the task has already, with another type."""
    declared = raw.at("output", "columns")
    own = task.outputs(raw.goal) if task.fixed(raw.goal) else {}
    returned = set(task.returned(raw.goal).values())
    for name in declared.items if isinstance(declared, Mapping) else ():
        if name in returned:
            problems.add(
                declared.origin(f"output.columns.{name}"),
                f"score returns '{name}' already, for the task {task}",
                "list only what score returns besides",
            )
    for name, kind in own.items():
        if raw.values["output"]["columns"].get(name, str(kind)) != str(kind):
            problems.add(
                declared.origin(f"output.columns.{name}"),
                f"the task {task} has the output column '{name}' already, as {kind}",
                "list only what score returns besides",
            )


def exposure_feature(raw: RawModel) -> tuple[Feature, ...]:
    """The exposure as the model sees it, after its features."""
    name = raw.values["exposure"]
    return (Feature(name, ColumnType.FLOAT, raw.at("exposure").origin("exposure")),) if name else ()


def fit_only(raw: RawModel, columns: MappingType[str, Column]) -> tuple[Column, ...]:
    """The columns that only fit sees: weights as float, others as in the source."""
    values = raw.values
    weights = [Column(values["weights"], ColumnType.FLOAT)] if values["weights"] else []
    group = [values["group"]] if values["group"] not in (raw.values["features"] or {}) else []
    names = [name for name in (*group, *values["train_only"], raw.goal.event) if name in columns]
    others = [Column(name, _plain(columns[name].type)) for name in names]
    return tuple(weights + others)


def _plain(kind: ColumnType) -> ColumnType:
    return ColumnType.STRING if kind is ColumnType.CATEGORY else kind
