"""What a model file says of thresholds on metrics and on outputs."""

from __future__ import annotations

from kronkers_batch.config.fields import Bad, Field, Kind, Table, map_kind, read_table
from kronkers_batch.config.kinds import NUMBER, TEXT
from kronkers_batch.config.nodes import Node, Scalar
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.task_fields import of_example
from kronkers_batch.learning import TASKS

_INTERVAL = Table(
    "interval",
    (Field("min", NUMBER, "At least."), Field("max", NUMBER, "At most.")),
)


def _interval(node: Node, key: str, problems: Problems) -> tuple[float | None, float | None, Node] | None:
    if isinstance(node, Scalar) and node.value == "none":
        return None  # what a template says holds no more
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
    "a mapping of name to {min: ..., max: ...}, or to none, which removes a template's threshold",
)


THRESHOLDS = Table(
    "thresholds",
    (
        Field(
            "training",
            _INTERVALS,
            "Metrics on the holdout that a version needs to be promoted: "
            + "; ".join(
                f"{task}{of_example(task)}: {', '.join(sorted(task.ranges(task.example)))}"
                for task in TASKS.values()
            )
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
