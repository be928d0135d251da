"""What a model file says of own measures: their keys, as one table."""

from __future__ import annotations

from typing import TypedDict

from kronkers_batch.config.fields import Bad, Counts, Field, Kind, Table, map_kind, read_table
from kronkers_batch.config.kinds import NAME, PATH, choice, member
from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.nodes import Mapping, Node
from kronkers_batch.config.own_measure import Direction
from kronkers_batch.config.problems import Problems

_DIRECTIONS = map_kind(choice(Direction), NAME)


def _metrics(node: Node, key: str, problems: Problems) -> dict[str, Direction]:
    if isinstance(node, Mapping) and not node.items:
        raise Bad(
            "found an empty mapping",
            "name each number that metric returns, such as {hits: higher}; or remove metrics: then the file "
            "defines loss",
        )
    found = _DIRECTIONS.parse(node, key, problems)
    names = node.items if isinstance(node, Mapping) else ()
    # One whose direction was refused is there all the same: who names it makes no second mistake.
    return {name: found.get(name, Direction.HIGHER) for name in names}


MEASURE = Table(
    "measures.NAME",
    (
        Field("language", member(LANGUAGES), "The language of its code.", required=True),
        Field("code", PATH, "The code file.", required=True, counts=Counts.DIGEST),
        Field(
            "metrics",
            Kind("a mapping of name to higher or lower", _metrics, free=True),
            "The numbers that the function `metric` returns, and which values are good. Without it the file "
            "defines the function `loss`, which returns one number for each row.",
        ),
    ),
)


class MeasureValues(TypedDict):
    """What MEASURE reads. None: it is absent, or was refused."""

    language: Language | None
    code: str | None
    metrics: dict[str, Direction] | None


def _measure(node: Node, key: str, problems: Problems) -> dict[str, object]:
    return read_table(MEASURE, node, key, problems)


MEASURES = Field(
    "measures",
    map_kind(
        Kind("{language: ..., code: PATH}", _measure, table=MEASURE),
        NAME,
        "a mapping of name to {language: ..., code: PATH, metrics: {...}}",
    ),
    "The department's own measures, which judge the scores of the holdout. "
    + " ".join(f"`{field.name}`: {field.doc}" for field in MEASURE.fields)
    + " A `loss` NAME is the metric NAME in thresholds, its mean over rows; `target.loss` may name it. "
    "A `metric` NAME gives the metrics NAME.KEY.",
    default={},
    shown="none",
)
