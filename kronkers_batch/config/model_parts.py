"""The parts of a model file: estimator, features, window, checks, thresholds, output, resources."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, TypedDict

from kronkers_batch.config.check_specs import CHECKS
from kronkers_batch.config.fields import Bad, Counts, Field, Kind, Table, read_table
from kronkers_batch.config.forecast_fields import HOLDOUT, Origins
from kronkers_batch.config.kinds import (
    BOOLEAN,
    COLUMN,
    DURATION,
    FILLED,
    PATH,
    PLAIN_MAPPING,
    SHARE,
    SIZE,
    choice,
    duration,
    guarded,
    integer,
)
from kronkers_batch.config.languages import DOTTED, LANGUAGES, titles
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Resources, Windows

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
        Field(
            "per_quantile",
            FILLED,
            "The argument that gets a quantile's level: one model is fitted for each of output.quantiles.",
            default="",
            shown="one model predicts all",
        ),
        Field(
            "categories",
            choice(("levels", "indicators")),
            "Python: what becomes of categories. `levels`: one column with its levels; `indicators`: a "
            "column of 0 and 1 for each level (all 0 where missing), for classes that take only numbers.",
            default="levels",
        ),
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
    own = {"_target_", "predict", "per_quantile", "categories"}
    head = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k in own})
    rest = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k not in own})
    found = read_table(ESTIMATOR, head, key, problems)
    _targets(key, rest, problems)
    found["arguments"] = PLAIN_MAPPING.parse(rest, key, problems)
    return found


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
            HOLDOUT,
            "The newest part of `window.train`: used to measure, and not to fit. `none`: all rows are fitted "
            "and nothing is measured; such a model is promoted by hand. `forecast`: "
            "{origins: 8, every: 7d}, from where it forecasts; the last horizon ends with the window.",
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
            "How much is held out with holdout_by, or where the source has no time column.",
            default=Windows.holdout_share,
        ),
        Field(
            "holdout_by",
            COLUMN,
            "Hold out whole groups, such as patients, and not the newest rows: rows with one value of "
            "this column are all held out, or all fitted.",
            default=Windows.holdout_by,
            shown="rows are held out by time",
        ),
        Field(
            "refit",
            BOOLEAN,
            "`true`: after measuring, the model is fitted once more, on all labelled rows. It is not "
            "promoted if its scores are far from those of the measured fit (the metric `refit`, at most 1).",
            shown="`false`; of a forecast `true`",
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
RETRAIN = Table(
    "retrain", (Field("every", duration(positive=True), "Train again after this time.", shown="never"),)
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


class WindowValues(TypedDict):
    """What WINDOW reads."""

    train: dt.timedelta
    holdout: dt.timedelta | Origins
    score: dt.timedelta
    label_delay: dt.timedelta
    holdout_share: float
    holdout_by: str
    refit: bool | None


class RetrainValues(TypedDict):
    """What RETRAIN reads."""

    every: dt.timedelta | None


class ResourcesValues(TypedDict):
    """What RESOURCES reads."""

    workers: int
    memory: int
    time_limit: dt.timedelta
    start_limit: dt.timedelta
    training_rows: int
    threads: int
