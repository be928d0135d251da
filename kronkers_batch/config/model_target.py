"""The target that a model file names, held against its task and its source."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType

from kronkers_batch.config.kinds import COLUMN
from kronkers_batch.config.nodes import Mapping, Scalar
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import Origin
from kronkers_batch.config.task_fields import TARGET_KIND
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import UsesTarget


def check(raw: RawModel, columns: MappingType[str, Column], problems: Problems) -> ColumnType | None:
    """Reports what cannot be; returns the type of the target in its source, where it is there."""
    task, name = raw.judge, named(raw)
    where = raw.at("target", task.target_key if task else "column").origin("target")
    if not _has_what_it_needs(raw, where, problems) or not name:
        return None
    if name not in columns:
        problems.add(where, f"there is no column '{name}' in the source", suggest(name, columns))
        return None
    allowed = task.target_types(raw.goal) if task is not None else ()
    if allowed and columns[name].type not in allowed:
        what = f"the target '{name}' is {columns[name].type}, and the task {task} cannot predict this type"
        said_so = task is not None and "positive" in task.keys and not raw.goal.positive
        other = "; or say which value is true: target: {column: NAME, positive: VALUE}" if said_so else ""
        problems.add(where, what, f"allowed types: {', '.join(allowed)}{other}")
    texts = (raw.goal.positive, *raw.goal.classes)
    if absent := [text for text in texts if text and _impossible(columns[name].type, text)]:
        what = f"the target '{name}' is {columns[name].type}, which has no value '{absent[0][:60]}'"
        problems.add(where, what, "write a value of this type, such as true, or 1")
    return columns[name].type


def _has_what_it_needs(raw: RawModel, where: Origin, problems: Problems) -> bool:
    """Whether the task has a target and the model file one, or neither; what is wrong is reported."""
    task, said = raw.values["task"], raw.values["target"]
    if task is None:
        return said is not None
    if task.target is UsesTarget.NEVER and said is not None:
        problems.add(where, f"the task {task} has no target", "remove it, or declare another task")
        return False
    if task.target is UsesTarget.ALWAYS and not says_target(raw):
        problems.add(where, "the key 'target' is missing", f"add target: {TARGET_KIND.allowed}")
    if said is None:
        return False
    key = task.judge(raw.goal).target_key
    named_so = {"column": said["column"], "time": said["time"]}
    others = [name for name, column in named_so.items() if column and name != key]
    written = raw.at("target")
    if others:
        problems.add(where, f"'target.{others[0]}' is not for the task {task}", f"write {key}: COLUMN")
    elif not named_so[key] and not (isinstance(written, Mapping) and key in written.items):
        problems.add(where, f"the key '{key}' is missing", f"add {key}: {COLUMN.allowed}")
    return bool(named_so[key])


def says_target(raw: RawModel) -> bool:
    """Whether the model file says a target, be it right or wrong."""
    node = raw.tree.items.get("target")
    empty = isinstance(node, Scalar) and node.value is None and not (node.environment or node.reported)
    return node is not None and not empty


def was_refused(raw: RawModel, found: ColumnType | None) -> bool:
    """Whether a target is said that could not be read; ``found`` is its type in the source."""
    return says_target(raw) and found is None


def named(raw: RawModel) -> str:
    """The column of the target; empty where there is none."""
    said = raw.values["target"]
    return (said and (said["column"] or said["time"])) or ""


def _impossible(kind: ColumnType, text: str) -> bool:
    """Whether a column of this type has no value with this text."""
    if kind is ColumnType.BOOLEAN:
        return text not in ("true", "false")
    if kind in (ColumnType.INTEGER, ColumnType.INT32):
        return not re.fullmatch(r"0|-?[1-9]\d*", text)
    return False
