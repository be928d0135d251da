"""What a model file says of time series: the keys of the task ``forecast``, and the panel that they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import TypedDict

from kronkers_batch.config.feature_fields import RawFeature, read_features
from kronkers_batch.config.fields import Counts, Field, Kind, Table, list_kind, read_table, table_kind
from kronkers_batch.config.kinds import COLUMN, DURATION, SOME_COLUMNS, choice, duration, integer
from kronkers_batch.config.nodes import Mapping, Node, Scalar
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.task_fields import OutputValues, TargetValues
from kronkers_batch.frames.panel import ORIGIN, Panel
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.learning import Task
from kronkers_batch.learning.quantiles import called

_DAY = dt.timedelta(days=1)
_COVARIATES = Kind(
    "a list of columns, or a mapping of column to type or to {type: ..., levels: [...]}",
    read_features,
    free=True,
)
GAPS = ("error", "zero", "missing")
TIME = Table(
    "time",
    (
        Field("column", COLUMN, "`forecast`: the column of a row's time.", required=True),
        Field(
            "step", duration(positive=True), "The time from one row of a series to the next.", required=True
        ),
        Field(
            "season",
            DURATION,
            "After how long the series repeat themselves; the naive forecast looks so far back.",
            default=dt.timedelta(0),
            shown="never: the naive forecast is the last value",
            counts=Counts.TRAINING,
        ),
    ),
    Counts.BOTH,
)
NEW_SERIES = Table(
    "new_series",
    (
        Field(
            "under",
            duration(positive=True),
            "A series whose first row is less than this before the origin is new.",
            required=True,
        ),
        Field("use", choice(("drop",)), "What happens to new series: they get no forecast.", default="drop"),
    ),
    Counts.BOTH,
)
ORIGINS = Table(
    "holdout",
    (
        Field(
            "origins", integer(1, 1000), "`forecast`: from how many origins it is measured.", required=True
        ),
        Field("every", duration(positive=True), "`forecast`: the time between two origins.", required=True),
    ),
)
FORECAST = (
    Field(
        "series",
        list_kind(COLUMN, SOME_COLUMNS, single=True, empty=False),
        "`forecast`: the columns that tell which series a row belongs to.",
        default=(),
        shown="none",
        counts=Counts.BOTH,
    ),
    Field(
        "time",
        table_kind(TIME),
        "`forecast`: the time of a row, and the grid that all times lie on.",
        counts=Counts.BOTH,
    ),
    Field(
        "horizon",
        duration(positive=True),
        "`forecast`: how far ahead it forecasts, from the logical date on.",
        counts=Counts.BOTH,
    ),
    Field(
        "history",
        duration(positive=True),
        "`forecast`: how much before the origin score gets.",
        shown="window.train",
        counts=Counts.BOTH,
    ),
    Field(
        "future",
        _COVARIATES,
        "`forecast`: columns that are known for the whole horizon, as in `features`. The source has their "
        "rows ahead of the logical date.",
        default={},
        shown="none",
        counts=Counts.BOTH,
    ),
    Field(
        "past",
        _COVARIATES,
        "`forecast`: columns that are known up to the origin only. score gets them in the history.",
        default={},
        shown="none",
        counts=Counts.BOTH,
    ),
    Field(
        "static",
        _COVARIATES,
        "`forecast`: columns with one value a series.",
        default={},
        shown="none",
        counts=Counts.BOTH,
    ),
    Field(
        "gaps",
        choice(GAPS),
        "`forecast`: a step without a row is an error, a target of zero, or a missing target.",
        default="error",
        counts=Counts.BOTH,
    ),
    Field(
        "ended",
        duration(positive=True),
        "`forecast`: a series without a row for so long before the origin has ended, and gets no forecast.",
        shown="the horizon",
        counts=Counts.BOTH,
    ),
    Field(
        "new_series",
        table_kind(NEW_SERIES),
        "`forecast`: what happens to series with a short history.",
        counts=Counts.BOTH,
    ),
)

SAID_AT: MappingType[str, str] = {
    "time": "time.column",
    "step": "time.step",
    "season": "time.season",
    "under": "new_series.under",
    "least": "target.min",
    "point": "output.evaluate",
    "origins": "window.holdout.origins",
    "every": "window.holdout.every",
}
"""Where a model file says what :class:`Panel` calls otherwise."""


class TimeValues(TypedDict):
    """What TIME reads."""

    column: str | None
    step: dt.timedelta | None
    season: dt.timedelta


class NewSeriesValues(TypedDict):
    """What NEW_SERIES reads."""

    under: dt.timedelta | None
    use: str


@dataclass(frozen=True)
class Origins:
    """What ORIGINS reads; None where a value is missing, which was reported."""

    count: int | None
    every: dt.timedelta | None


class ForecastValues(TypedDict):
    """What FORECAST reads."""

    series: tuple[str, ...]
    time: TimeValues
    horizon: dt.timedelta | None
    history: dt.timedelta | None
    future: dict[str, RawFeature]
    past: dict[str, RawFeature]
    static: dict[str, RawFeature]
    gaps: str
    ended: dt.timedelta | None
    new_series: NewSeriesValues


def _holdout(node: Node, key: str, problems: Problems) -> dt.timedelta | Origins:
    if isinstance(node, Mapping):
        said = read_table(ORIGINS, node, key, problems)
        return Origins(said["origins"], said["every"])
    return _LENGTH.parse(node, key, problems)


_LENGTH = duration(positive=True, words={"none": dt.timedelta(0)})
HOLDOUT = Kind(f"{_LENGTH.allowed}, or {{origins: 8, every: 7d}}", _holdout, free=True, say=_LENGTH.say)


def held_out(said: dt.timedelta | Origins, panel: Panel | None) -> dt.timedelta:
    """How much of a training window is held out."""
    if panel is not None:
        return panel.held_out
    return dt.timedelta(0) if isinstance(said, Origins) else said


def panel_of(
    values: ForecastValues,
    task: Task | None,
    target: TargetValues | None,
    output: OutputValues,
    holdout: dt.timedelta | Origins,
) -> Panel | None:
    """The series of a model; None where its task has none.

    What is missing was or will be reported; it is replaced by something, so that all else can be checked.
    """
    if task is None or not task.of_series:
        return None
    said, none = values["time"], dt.timedelta(0)
    origins = holdout if isinstance(holdout, Origins) else Origins(None, None)
    levels = {called(level): level for level in output["quantiles"]}
    step = said["step"] or _DAY
    return Panel(
        series=values["series"],
        time=said["column"] or "",
        target=(target["column"] if target else None) or "",
        step=step,
        season=said["season"],
        horizon=values["horizon"] or step,
        future=tuple(values["future"]),
        past=tuple(values["past"]),
        static=tuple(values["static"]),
        gaps=values["gaps"],
        ended=values["ended"] or none,
        under=values["new_series"]["under"] or none,
        history=values["history"] or none,
        least=target["min"] if target else None,
        point=levels.get(output["evaluate"] or called(0.5)),
        origins=origins.count or 1,
        every=origins.every or step,
    )


def key_columns(
    key: tuple[str, ...], columns: Schema | MappingType[str, Column], panel: Panel | None
) -> tuple[Column, ...]:
    """The key columns of an output, of those that a source has: of series, the origin is among them."""
    found = {name: columns[name] for name in key if name in columns}
    if panel is not None and panel.time in columns:  # whatever else the source calls so
        found[ORIGIN] = Column(ORIGIN, columns[panel.time].type)
    return tuple(found[name] for name in key if name in found)


def refuse_without_features(node: Node, task: Task | None, *, has: bool, problems: Problems) -> None:
    """Reports that a model has no features, unless they follow from its series."""
    said = node.items.get("features") if isinstance(node, Mapping) else None
    if has or (task is not None and task.of_series):
        return
    if said is None and not node.reported:
        what = "the key 'features' is missing"
        problems.add(node.origin("features"), what, f"add features: {_COVARIATES.allowed}")
    elif isinstance(said, Scalar) and said.value is None and not (said.environment or said.reported):
        what = "the value of 'features' is missing"
        problems.add(said.origin("features"), what, f"allowed: {_COVARIATES.allowed}")
