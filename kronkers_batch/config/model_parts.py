"""The parts of a model file: estimator, features, window, checks, thresholds, output, resources."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

from kronkers_batch.config.check_specs import CHECKS
from kronkers_batch.config.fields import Bad, Counts, Field, Kind, Table, map_kind, read_table
from kronkers_batch.config.kinds import (
    COLUMN,
    DURATION,
    FILLED,
    NUMBER,
    PATH,
    PLAIN_MAPPING,
    SHARE,
    SIZE,
    TEXT,
    choice,
    duration,
    guarded,
    integer,
)
from kronkers_batch.config.languages import DOTTED, LANGUAGES, titles
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Resources, Windows
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import TASKS, Task

_DAY = dt.timedelta(days=1)
_CALLED = titles("function")


def _named(pattern: str, allowed: str) -> Kind[str]:
    return guarded(allowed, FILLED, lambda v: "" if re.match(pattern, v) else f"found the text {v[:60]!r}")


ESTIMATOR = Table(
    "estimator",
    (
        Field(
            "_target_",
            _named(DOTTED, "a dotted name such as sklearn.linear_model.LogisticRegression"),
            "Python: the class. Its arguments stand beside it.",
        ),
        Field(
            "function",
            FILLED,
            "; ".join(
                f"{one.title}: {one.estimator_words}"
                for one in LANGUAGES.values()
                if one.estimator_key == "function"
            )
            + ".",
        ),
        Field("formula", FILLED, "R: the model's formula, such as `late ~ distance + carrier`.", default=""),
        Field("arguments", PLAIN_MAPPING, f"{_CALLED}: named arguments of the function.", default={}),
        Field(
            "predict",
            FILLED,
            "The method (Python) or function that scores.",
            default="",
            shown="the language's default",
        ),
        Field("predict_arguments", PLAIN_MAPPING, f"{_CALLED}: named arguments of it.", default={}),
    ),
)


def _targets(key: str, node: Node, problems: Problems) -> None:
    """Nested ``_target_``s are names too, and nothing but names: they are looked up in the worker."""
    children = node.items.items() if isinstance(node, Mapping) else ()
    if isinstance(node, Sequence):
        children = ((str(i), n) for i, n in enumerate(node.items))  # type: ignore[assignment]
    for name, child in children:
        if name == "_target_":
            text = child.value if isinstance(child, Scalar) else None
            if not isinstance(text, str) or not re.match(DOTTED, text):
                what = f"found {shown(child)}, where a dotted name is expected"
                problems.add(child.origin(f"{key}._target_"), what, "allowed: package.module.Class")
        elif name.startswith("_") and name.endswith("_") and isinstance(node, Mapping):
            problems.add(
                child.origin(f"{key}.{name}"),
                f"the key '{name}' is not known",
                "of the keys in underscores only _target_ is allowed here",
            )
        else:
            _targets(f"{key}.{name}", child, problems)


def read_estimator(node: Node, key: str, problems: Problems) -> dict[str, Any]:
    """A declared estimator: the values of ESTIMATOR; in Python the other keys are its arguments."""
    if not isinstance(node, Mapping):
        raise Bad(f"found {shown(node)}, where a mapping (key: value) is expected")
    if "_target_" not in node.items:
        if "function" not in node.items:
            raise Bad(f"neither '_target_' ({titles('_target_')}) nor 'function' ({_CALLED}) is given")
        return read_table(ESTIMATOR, node, key, problems)
    own = {"_target_", "predict"}
    head = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k in own})
    rest = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k not in own})
    found = read_table(ESTIMATOR, head, key, problems)
    _targets(key, rest, problems)
    found["arguments"] = PLAIN_MAPPING.parse(rest, key, problems)
    return found


_FEATURE_TYPE = choice(ColumnType)


def read_features(node: Node, key: str, problems: Problems) -> dict[str, tuple[ColumnType | None, Node]]:
    """Feature to type; None is the source's own."""
    found: dict[str, tuple[ColumnType | None, Node]] = {}
    if isinstance(node, Sequence):
        for i, item in enumerate(node.items):
            try:
                name = COLUMN.parse(item, f"{key}.{i}", problems)
            except Bad as bad:
                problems.add(
                    item.origin(f"{key}.{i}"), bad.what or f"found {shown(item)}", "allowed: a column's name"
                )
                continue
            if name in found:
                problems.add(
                    item.origin(f"{key}.{name}"), f"the feature '{name}' is listed twice", "list it once"
                )
            found[name] = (None, item)
    elif isinstance(node, Mapping):
        types: dict[str, ColumnType] = map_kind(_FEATURE_TYPE, COLUMN).parse(node, key, problems)
        found = {name: (kind, node.items[name]) for name, kind in types.items()}
    else:
        raise Bad(f"found {shown(node)}, where a list of columns or a mapping of column to type is expected")
    if not found:
        raise Bad("found no features")
    return found


_INTERVAL = Table(
    "interval",
    (Field("min", NUMBER, "At least."), Field("max", NUMBER, "At most.")),
)


def _interval(node: Node, key: str, problems: Problems) -> tuple[float | None, float | None, Node] | None:
    before = len(problems)
    values = read_table(_INTERVAL, node, key, problems)
    if len(problems) > before:
        return None
    low, high = values["min"], values["max"]
    if low is None and high is None:
        raise Bad("found neither min nor max", "write {min: 0.6}, {max: 10} or both")
    if low is not None and high is not None and low > high:
        raise Bad("min is larger than max", "swap them")
    return low, high, node


_INTERVALS = map_kind(
    Kind("{min: number, max: number}", _interval, table=_INTERVAL),
    TEXT,
    "a mapping of name to {min: ..., max: ...}",
)
ENVIRONMENT = Table(
    "environment",
    (
        Field("executable", PATH, "The interpreter.", default="", shown="this machine's"),
        Field("venv", PATH, "Python: a virtual environment.", default=""),
        Field("library", PATH, "R: a library folder.", default=""),
        Field("renv", PATH, "R: the folder of an renv project.", default=""),
        Field("project", PATH, "Julia: the folder of a Project.toml.", default=""),
    ),
)
WINDOW = Table(
    "window",
    (
        Field(
            "train",
            duration(words={"all": dt.timedelta(0)}),
            "How far training looks back; `all` is everything before.",
            default=dt.timedelta(0),
        ),
        Field(
            "holdout",
            DURATION,
            "The newest part of `window.train`: used to measure, and not to fit.",
            default=14 * _DAY,
        ),
        Field(
            "score",
            duration(positive=True),
            "The period that is scored for one logical date.",
            default=_DAY,
            counts=Counts.SCORING,
        ),
        Field(
            "label_delay",
            DURATION,
            "How long after a row's time its target is known.",
            default=dt.timedelta(0),
        ),
        Field(
            "holdout_share",
            SHARE,
            "Used instead of holdout where the source has no time column.",
            default=Windows.holdout_share,
        ),
    ),
)
MODEL_CHECKS = Table(
    "checks",
    (
        Field(
            "input",
            CHECKS,
            "Checks that the rows must pass before scoring and training.",
            default=(),
            counts=Counts.BOTH,
        ),
        Field("output", CHECKS, "Checks that the scores must pass.", default=(), counts=Counts.SCORING),
    ),
)
THRESHOLDS = Table(
    "thresholds",
    (
        Field(
            "training",
            _INTERVALS,
            "Metrics on the holdout that a version needs to be promoted: "
            + "; ".join(f"{task}: {', '.join(sorted(task.ranges))}" for task in TASKS.values())
            + ".",
            default={},
        ),
        Field(
            "output",
            _INTERVALS,
            "What an output needs to be published: `rows`, `null_share`, "
            "an output column (every value), or its `COLUMN.mean`, `COLUMN.min`, `COLUMN.max`.",
            default={},
        ),
    ),
)
RETRAIN = Table(
    "retrain", (Field("every", duration(positive=True), "Train again after this time.", shown="never"),)
)


def _columns(task: Task) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in task.columns.items())


_OUTPUT_TYPE = choice(tuple(str(t) for t in ColumnType if t not in (ColumnType.CATEGORY,)))
_OUTPUT_COLUMNS = map_kind(_OUTPUT_TYPE, COLUMN)


def _read_outputs(node: Node, key: str, problems: Problems) -> dict[str, str]:
    """A column of no known type is there all the same: whoever names it makes no second mistake."""
    found: dict[str, str] = _OUTPUT_COLUMNS.parse(node, key, problems)
    names = node.items if isinstance(node, Mapping) else ()
    return {name: found.get(name, str(ColumnType.FLOAT)) for name in names}


OUTPUT = Table(
    "output",
    (
        Field(
            "columns",
            replace(_OUTPUT_COLUMNS, parse=_read_outputs),
            "What score returns, in order.",
            shown="; ".join(f"{task}: {{{_columns(task)}}}" for task in TASKS.values()),
            counts=Counts.BOTH,
        ),
        Field(
            "evaluate",
            COLUMN,
            "The output column that is compared with the target ("
            + "; ".join(f"{task}: {', '.join(task.measured_types)}" for task in TASKS.values())
            + "). Required if several columns are possible.",
            shown="the only column of a possible type",
        ),
        Field(
            "retention",
            duration(positive=True),
            "How long outputs are kept.",
            shown="for ever",
            counts=Counts.NEVER,
        ),
    ),
)
RESOURCES = Table(
    "resources",
    (
        Field("workers", integer(1, 256), "Worker processes at once.", default=Resources.workers),
        Field("memory", SIZE, "Address space of one worker.", default=Resources.memory),
        Field(
            "time_limit",
            duration(positive=True),
            "Time for one fit, or for scoring one chunk.",
            default=Resources.time_limit,
        ),
        Field(
            "start_limit",
            duration(positive=True),
            "Time for starting a worker.",
            default=Resources.start_limit,
        ),
        Field(
            "training_rows",
            integer(1),
            "More rows than this are an error before training.",
            default=Resources.training_rows,
        ),
        Field("threads", integer(1, 256), "Threads of one worker.", default=Resources.threads),
    ),
)
