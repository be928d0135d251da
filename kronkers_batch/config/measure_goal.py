"""The own measures that a model file declares, held against its task and against their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kronkers_batch.config import code_folder
from kronkers_batch.config.link import Linker
from kronkers_batch.config.measure_fields import MeasureValues
from kronkers_batch.config.model_target import says_target
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.paths import safe_path
from kronkers_batch.config.problems import Problems, listed
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.learning import Task, UsesTarget


def measures(raw: RawModel, linker: Linker) -> tuple[Measure, ...]:
    """The measures of a model; what is wrong is reported."""
    project, problems = linker.project, linker.problems
    if not raw.values["measures"]:
        return ()
    judge = raw.judge
    if judge is not None and _fits(raw, judge, problems):
        _refuse_taken_names(raw, judge, problems)
        _refuse_metric_as_loss(raw, problems)
    found = (_measure(raw, name, said, project, problems) for name, said in raw.values["measures"].items())
    return tuple(measure for measure in found if measure is not None)


def metric_names(raw: RawModel) -> Iterator[str]:
    """The metrics that a version has of the declared measures."""
    for name, said in raw.values["measures"].items():
        yield from (f"{name}.{key}" for key in said["metrics"]) if said["metrics"] else (name,)


def losses(raw: RawModel) -> list[str]:
    """The measures that give one number for each row."""
    return [name for name, said in raw.values["measures"].items() if not said["metrics"]]


def own_loss(raw: RawModel) -> str:
    """The measure that is named as the loss; empty where none is."""
    said = raw.values["target"]
    return said["loss"] if said and said["loss"] in raw.values["measures"] else ""


def _fits(raw: RawModel, judge: Task, problems: Problems) -> bool:
    """Whether the task has what a measure judges; else reports it."""
    task, where = raw.values["task"], raw.at("measures").origin("measures")
    if judge.of_series:
        what = f"'measures' is not for the task {judge}, whose losses need the history of each series"
        problems.add(where, what, "remove it")
        return False
    if raw.goal.event:
        what = f"'measures' is not for the task {judge}, whose target is a time and an event"
        problems.add(where, what, "remove it")
        return False
    nothing_known = judge.target is UsesTarget.NEVER or (
        judge.target is UsesTarget.MAYBE and not says_target(raw)
    )
    if nothing_known:
        what = f"measures compare scores with a target, and this model of the task {task} has none"
        problems.add(where, what, "remove it, or declare a target where the task may have one")
        return False
    return True


def _refuse_taken_names(raw: RawModel, judge: Task, problems: Problems) -> None:
    taken = {name.casefold() for name in (*judge.ranges(raw.goal), *judge.losses, "refit")}
    for name, said in raw.values["measures"].items():
        own = [name, *(f"{name}.{key}" for key in said["metrics"] or ())]
        wrong = [one for one in own if one.casefold() in taken]
        if wrong:
            problems.add(
                raw.at("measures", name).origin(f"measures.{name}"),
                f"the task {judge} has a metric or a loss '{wrong[0]}' already",
                "give the measure another name",
            )


def _refuse_metric_as_loss(raw: RawModel, problems: Problems) -> None:
    name = own_loss(raw)
    if name and raw.values["measures"][name]["metrics"]:
        others = losses(raw)
        problems.add(
            raw.at("target", "loss").origin("target.loss"),
            f"the measure '{name}' gives metrics, and skill needs a loss: one number for each row",
            f"name a measure without metrics: {listed(others)}"
            if others
            else "declare a measure without metrics, whose file defines loss",
        )


def _measure(
    raw: RawModel, name: str, said: MeasureValues, project: Path, problems: Problems
) -> Measure | None:
    key, code, language = f"measures.{name}.code", said["code"], said["language"]
    node = raw.at("measures", name, "code")
    where = node.origin(key)
    if code is None or language is None:
        return None  # reported where it was read
    path = safe_path(code, project)  # of a path that was read, and so is safe
    if path.is_dir():
        problems.add(where, "the code of a measure is one file, and this is a folder", "name the file in it")
    elif not path.is_file():
        code_folder.report_missing(code, node, where, project, problems)
    else:
        return Measure(name, language, path, said["metrics"] or {})
    return None
