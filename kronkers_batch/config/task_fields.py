"""What a model file says of its task: the target, the output, and the thresholds on its metrics."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TypedDict

from kronkers_batch.config.fields import Bad, Counts, Field, Kind, Table, list_kind, map_kind, read_table
from kronkers_batch.config.kinds import BOOLEAN, COLUMN, FILLED, NUMBER, choice, duration, integer
from kronkers_batch.config.nodes import Mapping, Node, Scalar
from kronkers_batch.config.problems import Problems
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import TASKS, Task
from kronkers_batch.learning.anomaly import SENSES
from kronkers_batch.learning.quantiles import called
from kronkers_batch.learning.rules import judges


def _as_text(node: Node, _key: str, _problems: Problems) -> str:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int) or value == "":
        raise Bad()
    return str(value)


VALUE = Kind("a text, a whole number, true or false", _as_text)
TARGET = Table(
    "target",
    (
        Field("column", COLUMN, "The column that is predicted. Required, unless there is a time."),
        Field(
            "time",
            COLUMN,
            "`survival`: the column that says for how long a row was observed. Required there.",
        ),
        Field("event", COLUMN, "`survival`: whether that ended with the event.", default="", shown="none"),
        Field(
            "horizons",
            list_kind(NUMBER, "a list of numbers", empty=False),
            "`survival`: the times by which the event may happen, ascending, in the unit of the time.",
            default=(),
        ),
        Field(
            "as",
            choice(judges()),
            "`rules`: the task by whose metrics the scores are measured, and whose outputs they are. "
            "Required there.",
        ),
        Field("at", integer(1), "`ranking`: how many places of a group count.", shown="10"),
        Field(
            "positive",
            VALUE,
            "`binary`: the value that counts as true; the other value counts as false.",
            default="",
            shown="true, or 1",
        ),
        Field(
            "classes",
            list_kind(VALUE, "a list of texts, whole numbers, true or false", empty=False),
            "`multiclass`: the classes, in order.",
            default=(),
        ),
        Field(
            "ordered",
            BOOLEAN,
            "`multiclass`: their order means something, as that of grades does.",
            default=False,
        ),
        Field(
            "loss",
            FILLED,
            "What an error costs, for `skill`: "
            + "; ".join(
                f"`{task}`: {', '.join(task.losses)}" for task in TASKS.values() if "loss" in task.keys
            )
            + "; of every task with a target, except `forecast` and `survival`: a measure without metrics.",
            default="",
            shown="the task's first",
        ),
        Field(
            "min",
            NUMBER,
            "`forecast`: no target and no forecast is below this.",
            shown="none",
            counts=Counts.BOTH,
        ),
    ),
)


def _target(node: Node, key: str, problems: Problems) -> object:
    """A column's name stands for a mapping that says only this."""
    if isinstance(node, Scalar):
        column = COLUMN.parse(node, key, problems)
        return {field.name: field.default for field in TARGET.fields} | {"column": column}
    return read_table(TARGET, node, key, problems)


TARGET_KIND = Kind("a column's name, or {column: NAME, ...}", _target, table=TARGET)


def _columns(task: Task) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in task.outputs(task.example).items())


def of_example(task: Task) -> str:
    """What has to be declared for a task, as in its example; empty where nothing has to be."""
    said = {"classes": "classes: [{}]", "quantiles": "quantiles: [{}]", "horizons": "horizons: [{}]"}
    found = [
        said[key].format(
            ", ".join(f"{v:g}" if isinstance(v, float) else v for v in getattr(task.example, key))
        )
        for key in task.required
        if key in said
    ]
    return f" with {', '.join(found)}" if found else ""


_OUTPUT_TYPE = choice(tuple(str(t) for t in ColumnType if t not in (ColumnType.CATEGORY,)))
_OUTPUT_COLUMNS = map_kind(_OUTPUT_TYPE, COLUMN)


def _read_outputs(node: Node, key: str, problems: Problems) -> dict[str, str]:
    """A column of no known type is there all the same: whoever names it makes no second mistake."""
    found: dict[str, str] = _OUTPUT_COLUMNS.parse(node, key, problems)
    names = node.items if isinstance(node, Mapping) else ()
    return {name: found.get(name, str(ColumnType.FLOAT)) for name in names}


def _evaluated(node: Node, key: str, problems: Problems) -> str:
    """A quantile's level stands for the column that the quantile is published as."""
    level = node.value if isinstance(node, Scalar) else None
    if isinstance(level, float):
        if not 0 < level < 1:
            raise Bad()
        return called(level)
    return COLUMN.parse(node, key, problems)


EVALUATED = Kind("a column's name, or the level of a quantile such as 0.5", _evaluated)
OUTPUT = Table(
    "output",
    (
        Field(
            "columns",
            replace(_OUTPUT_COLUMNS, parse=_read_outputs),
            "What score returns, in order. For "
            + " and ".join(str(task) for task in TASKS.values() if task.fixed(task.example))
            + ": what it returns besides the task's own columns.",
            shown="; ".join(f"{task}{of_example(task)}: {{{_columns(task)}}}" for task in TASKS.values()),
            counts=Counts.BOTH,
        ),
        Field(
            "quantiles",
            list_kind(NUMBER, "a list of numbers", empty=False),
            "`quantiles`: their levels, ascending, between 0 and 1.",
            default=(),
        ),
        Field(
            "evaluate",
            EVALUATED,
            "The output column that is compared with the target ("
            + "; ".join(
                f"{task}: {', '.join(task.measured_types)}"
                for task in TASKS.values()
                if not task.fixed(task.example)
            )
            + "). Required if several columns are possible. `forecast` with quantiles: the level of the one "
            "that counts as the forecast itself.",
            shown="the only column of a possible type",
        ),
        Field(
            "higher_is",
            choice(SENSES),
            "`anomaly`: which rows have high scores. Those of scikit-learn are `less_odd`.",
            shown="odd",
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


TargetValues = TypedDict(
    "TargetValues",
    {
        "column": str | None,
        "time": str | None,
        "event": str,
        "horizons": tuple[float, ...],
        "as": str | None,
        "at": int | None,
        "positive": str,
        "classes": tuple[str, ...],
        "ordered": bool,
        "loss": str,
        "min": float | None,
    },
)
"""What TARGET reads."""


DECISION = Table(
    "decision",
    (
        Field(
            "top",
            integer(1),
            "`anomaly`: how many rows of each scoring window are chosen, the oddest ones. "
            "`stability.overlap` is about them.",
            shown="one in a hundred rows, at least one",
        ),
        Field("by", COLUMN, "The output column that says so.", default="", shown="output.evaluate"),
    ),
)


class OutputValues(TypedDict):
    """What OUTPUT reads; the columns are those of the task where the file names none, or besides."""

    columns: dict[str, str]
    quantiles: tuple[float, ...]
    evaluate: str | None
    higher_is: str | None
    retention: dt.timedelta | None


class DecisionValues(TypedDict):
    """What DECISION reads."""

    top: int | None
    by: str
