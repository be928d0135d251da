"""``conf/model/NAME.yaml`` and ``conf/template/NAME.yaml``: their keys, as one table."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from kronkers_batch.config.checks import CHECKS
from kronkers_batch.config.fields import Bad, Field, Kind, Table, list_kind, map_kind, read_table, table_kind
from kronkers_batch.config.kinds import (
    BOOLEAN,
    COLUMN,
    DURATION,
    FILLED,
    NAME,
    NUMBER,
    PATH,
    PLAIN_MAPPING,
    SHARE,
    SIZE,
    TEXT,
    TIME_OF_DAY,
    choice,
    duration,
    guarded,
    integer,
)
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.source_file import INPUT, check_name
from kronkers_batch.config.spec import Language, Promote, RowsPolicy, Task, Unseen
from kronkers_batch.frames.schema import ColumnType

# What monitoring computes, which this lower room may not import; a test holds the two together.
METRICS: dict[Task, tuple[str, ...]] = {
    Task.BINARY: ("accuracy", "auc", "base_rate", "brier", "log_loss", "skill", "unscored"),
    Task.REGRESSION: ("bias", "mae", "r2", "rmse", "skill", "unscored"),
}
_DAY = dt.timedelta(days=1)

_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+\Z"
_R_FUNCTION = r"[A-Za-z][A-Za-z0-9.]*::[A-Za-z.][A-Za-z0-9._]*\Z"


def _named(pattern: str, allowed: str) -> Kind:
    return guarded(allowed, FILLED, lambda v: "" if re.match(pattern, v) else f"found the text {v[:60]!r}")


ESTIMATOR = Table(
    "estimator",
    (
        Field(
            "_target_",
            _named(_DOTTED, "a dotted name such as sklearn.linear_model.LogisticRegression"),
            "Python: the class. Its arguments stand beside it.",
        ),
        Field("function", FILLED, "R: `package::function`. Julia: `Package.function`."),
        Field("formula", FILLED, "R: the model's formula, such as `late ~ distance + carrier`.", default=""),
        Field("arguments", PLAIN_MAPPING, "R, Julia: named arguments of the function.", default={}),
        Field(
            "predict",
            FILLED,
            "What scores: a method (Python) or function.",
            default="",
            shown="the language's default",
        ),
        Field("predict_arguments", PLAIN_MAPPING, "R, Julia: named arguments of it.", default={}),
    ),
)


def _targets(value: Any, key: str, node: Node, problems: Problems) -> None:
    """Nested ``_target_``s are names too, and nothing but names: they are looked up in the worker."""
    children = node.items.items() if isinstance(node, Mapping) else ()
    if isinstance(node, Sequence):
        children = ((str(i), n) for i, n in enumerate(node.items))  # type: ignore[assignment]
    for name, child in children:
        if name == "_target_":
            text = child.value if isinstance(child, Scalar) else None
            if not isinstance(text, str) or not re.match(_DOTTED, text):
                what = f"found {shown(child)}, where a dotted name is due"
                problems.add(child.origin(f"{key}._target_"), what, "allowed: package.module.Class")
        elif name.startswith("_") and name.endswith("_") and isinstance(node, Mapping):
            problems.add(
                child.origin(f"{key}.{name}"), f"the key '{name}' is not known", "allowed here: _target_"
            )
        else:
            _targets(value, f"{key}.{name}", child, problems)


def _estimator(node: Node, key: str, problems: Problems) -> dict[str, Any]:
    if not isinstance(node, Mapping):
        raise Bad(f"found {shown(node)}, where a mapping (key: value) is due")
    if "_target_" not in node.items:
        if "function" not in node.items:
            raise Bad("neither '_target_' (Python) nor 'function' (R, Julia) is given")
        return read_table(ESTIMATOR, node, key, problems)
    own = {"_target_", "predict"}
    head = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k in own})
    rest = Mapping(node.file, node.line, {k: n for k, n in node.items.items() if k not in own})
    found = read_table(ESTIMATOR, head, key, problems)
    _targets(None, key, rest, problems)
    found["arguments"] = PLAIN_MAPPING.parse(rest, key, problems)
    return found


_FEATURE_TYPE = choice(ColumnType)


def _features(node: Node, key: str, problems: Problems) -> dict[str, tuple[ColumnType | None, Node]]:
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
        raise Bad(f"found {shown(node)}, where a list of columns or a mapping of column to type is due")
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
        raise Bad("min is larger than max", "exchange them")
    return low, high, node


_INTERVALS = map_kind(
    Kind("{min: number, max: number}", _interval, table=_INTERVAL),
    TEXT,
    "a mapping of name to {min: ..., max: ...}",
)
_ENVIRONMENT = Table(
    "environment",
    (
        Field("executable", PATH, "The interpreter.", default="", shown="this machine's"),
        Field("venv", PATH, "Python: a virtual environment.", default=""),
        Field("library", PATH, "R: a library folder.", default=""),
        Field("renv", PATH, "R: the folder of an renv project.", default=""),
        Field("project", PATH, "Julia: the folder of a Project.toml.", default=""),
    ),
)
_WINDOW = Table(
    "window",
    (
        Field(
            "train",
            duration(words={"all": dt.timedelta(0)}),
            "How far training looks back; `all` is everything before.",
            default=dt.timedelta(0),
            shown="all",
        ),
        Field(
            "holdout", DURATION, "The newest part of it, kept for measuring.", default=14 * _DAY, shown="14d"
        ),
        Field(
            "score",
            duration(positive=True),
            "How much is scored for one logical date.",
            default=_DAY,
            shown="1d",
        ),
        Field("label_delay", DURATION, "How late the target is known.", default=dt.timedelta(0), shown="0d"),
        Field(
            "holdout_share",
            SHARE,
            "Used instead of holdout where the source has no time column.",
            default=0.2,
            shown="20%",
        ),
    ),
)
_CHECKS = Table(
    "checks",
    (
        Field("input", CHECKS, "What must hold for the rows before scoring and training.", default=()),
        Field("output", CHECKS, "What must hold for the scores.", default=()),
    ),
)
_THRESHOLDS = Table(
    "thresholds",
    (
        Field(
            "training",
            _INTERVALS,
            "Metrics on the holdout that a version needs to be promoted: "
            + "; ".join(f"{t}: {', '.join(m)}" for t, m in METRICS.items())
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
_RETRAIN = Table(
    "retrain", (Field("every", duration(positive=True), "Train again after so long.", shown="never"),)
)
_OUTPUT_TYPE = choice(tuple(str(t) for t in ColumnType if t not in (ColumnType.CATEGORY,)))
_OUTPUT = Table(
    "output",
    (
        Field(
            "columns",
            map_kind(_OUTPUT_TYPE, COLUMN),
            "What score returns, in order.",
            default={"score": "float"},
            shown="{score: float}",
        ),
        Field("retention", duration(positive=True), "How long outputs are kept.", shown="for ever"),
    ),
)
_RESOURCES = Table(
    "resources",
    (
        Field("workers", integer(1, 256), "Worker processes at once.", default=1, shown="1"),
        Field("memory", SIZE, "Address space of one worker.", default=4 * 2**30, shown="4GB"),
        Field(
            "time_limit",
            duration(positive=True),
            "For one fit, or one chunk to score.",
            default=dt.timedelta(minutes=30),
            shown="30m",
        ),
        Field(
            "start_limit",
            duration(positive=True),
            "For starting a worker.",
            default=dt.timedelta(seconds=60),
            shown="60s",
        ),
        Field(
            "training_rows",
            integer(1),
            "More rows than this are an error before training.",
            default=5_000_000,
            shown="5000000",
        ),
        Field("threads", integer(1, 256), "Threads of one worker.", default=1, shown="1"),
    ),
)

MODEL = Table(
    "conf/model/NAME.yaml",
    (
        Field(
            "defaults", Kind("a list of templates", lambda *_: None), "Templates: `[/template/NAME, ...]`."
        ),
        Field("name", NAME, "The file's name again; may be left out.", shown="the file's name"),
        Field("department", NAME, "Who owns it: a file in conf/department/.", required=True),
        Field("owner", FILLED, "Who answers for it.", required=True),
        Field("description", TEXT, "What it predicts, for whom.", default=""),
        Field("language", choice(Language), "The language of its code.", required=True),
        Field(
            "task",
            choice(Task),
            "What it predicts: the probability that the target is true, or a number.",
            required=True,
        ),
        Field("code", PATH, "The code file, with fit and score. Either this or estimator."),
        Field(
            "estimator",
            Kind("a mapping with _target_ or function", _estimator, table=ESTIMATOR, free=True),
            "A declared estimator, without code.",
        ),
        Field("parameters", PLAIN_MAPPING, "Given to fit and score as `params`.", default={}),
        Field(
            "data",
            choice(("pandas", "polars", "numpy")),
            "Python: the table that the code sees.",
            default="pandas",
            shown="pandas",
        ),
        Field("environment", table_kind(_ENVIRONMENT), "What its worker runs with.", default={}),
        Field(
            "source",
            INPUT,
            "Where its rows come from: a file in conf/source/, or {output: MODEL}.",
            required=True,
        ),
        Field(
            "features",
            Kind("a list of columns, or a mapping of column to type", _features, free=True),
            "What the model sees, in order. In a list the types are the source's (string becomes category).",
            required=True,
        ),
        Field(
            "key",
            list_kind(COLUMN, single=True, empty=False),
            "The columns that name a row.",
            shown="the source's key",
        ),
        Field("target", COLUMN, "The column that is predicted.", required=True),
        Field("window", table_kind(_WINDOW), "Which rows, relative to the logical date."),
        Field("checks", table_kind(_CHECKS), "Checks on inputs and outputs."),
        Field("schedule", TIME_OF_DAY, "When it runs, every day.", default="", shown="only by hand"),
        Field("thresholds", table_kind(_THRESHOLDS), "Gates before promotion and before publishing."),
        Field("retrain", table_kind(_RETRAIN), "When to train again."),
        Field(
            "promote",
            choice(Promote),
            "How a trained version becomes champion.",
            default=Promote.AUTOMATIC,
            shown="automatic",
        ),
        Field(
            "rows",
            choice(RowsPolicy),
            "`independent`: rows may be scored in chunks; `whole`: only all at once.",
            default=RowsPolicy.INDEPENDENT,
            shown="independent",
        ),
        Field(
            "unseen",
            choice(Unseen),
            "What a category's level becomes that training did not see.",
            default=Unseen.MISSING,
            shown="missing",
        ),
        Field("output", table_kind(_OUTPUT), "What is kept, and how long."),
        Field("resources", table_kind(_RESOURCES), "Limits of its workers."),
        Field("seed", integer(0, 2**31 - 1), "Set before every fit.", default=1, shown="1"),
        Field("enabled", BOOLEAN, "`false`: left out of nightly runs.", default=True, shown="true"),
    ),
)


@dataclass(frozen=True)
class RawModel:
    """A model file as read, before references are followed."""

    name: str
    tree: Mapping
    values: dict[str, Any]
    overrides: tuple[str, ...] = ()

    def at(self, *path: str) -> Node:
        """The node of a key, or the nearest one above it where it is absent."""
        node: Node = self.tree
        for key in path:
            if not isinstance(node, Mapping) or key not in node.items:
                break
            node = node.items[key]
        return node


def read_model(name: str, tree: Node, overrides: tuple[str, ...], problems: Problems) -> RawModel | None:
    """The values of one model file; what is wrong is noted."""
    try:
        values = read_table(MODEL, tree, "", problems)
    except Bad as bad:
        problems.add(tree.origin(""), bad.what, bad.fix)
        return None
    assert isinstance(tree, Mapping)  # noqa: S101 - read_table refuses anything else
    check_name(name, values["name"], tree, problems)
    for key, table in _NESTED.items():
        values[key] = values[key] or {f.name: f.default for f in table.fields}
    return RawModel(name, tree, values, overrides)


_NESTED = {
    "environment": _ENVIRONMENT,
    "window": _WINDOW,
    "checks": _CHECKS,
    "thresholds": _THRESHOLDS,
    "retrain": _RETRAIN,
    "output": _OUTPUT,
    "resources": _RESOURCES,
}
