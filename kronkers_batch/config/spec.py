"""The frozen objects that models and sources become. No room above sees YAML, Hydra or OmegaConf."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from kronkers_batch.config.imported import Imported
from kronkers_batch.config.languages import Language
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.secret import Secret
from kronkers_batch.digests import Json
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import Goal, Task


@dataclass(frozen=True)
class Origin:
    """Where something was declared, for messages: ``conf/model/x.yaml:12: features.distance``.

    Line 0 means that there are no lines: ``override 'model.x.seed=a': seed``.
    """

    file: str
    line: int
    key: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}" if self.key else place


class OnFailure(StrEnum):
    """What happens when a check fails."""

    FAIL = "fail"
    WARN = "warn"
    DROP = "drop"  # drop the offending rows, up to CheckSpec.up_to of all rows; more is a failure


Value: TypeAlias = str | int | float | bool | dt.date | None
"""A value that a check compares those of a column with."""

Argument: TypeAlias = Value | dt.timedelta | tuple[Value, ...]
"""An argument of a check."""


@dataclass(frozen=True)
class CheckSpec:
    """One declared check; its kind in ``config.check_kinds`` says what its ``arguments`` are."""

    kind: str  # a name of config.check_kinds
    columns: tuple[str, ...]
    arguments: Mapping[str, Argument]
    on_failure: OnFailure
    up_to: float  # share of rows in [0, 1] that DROP may drop
    origin: Origin

    @property
    def name(self) -> str:
        """What messages call it: ``range(distance)``, ``unique(a, b)``, ``expression(a > b)``."""
        inside = self.arguments.get("expression", ", ".join(self.columns))
        return f"{self.kind}({inside})"


DATABASES: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("sqlite", "sqlite+pysqlite"),
    "postgresql": ("postgresql", "postgresql+psycopg"),
}
"""The databases that can be opened for reading only, and how the URLs of each begin."""


@dataclass(frozen=True)
class InputRef:
    """One input of a query source, or a model's source: exactly one of the two names is set."""

    source: str = ""
    output: str = ""  # a model's name


@dataclass(frozen=True)
class SourceSpec:
    """One ``conf/source/NAME.yaml``.

    ``time_column`` is what a window selects on: rows with ``from <= time < to``. Without one the source
    has no windows and is always read whole.
    """

    name: str
    department: str
    description: str
    kind: str  # a name of config.source_kinds
    schema: Schema  # declared columns; a CATEGORY here has its declared levels, or () where they are learnt
    key: tuple[str, ...]
    time_column: str
    checks: tuple[CheckSpec, ...]
    shared_with: tuple[str, ...]  # departments
    origin: Origin
    path: str = ""  # parquet, csv: file or glob, absolute; package: path inside the package
    package: str = ""  # distribution name
    url: Secret | None = None  # database
    query: str = ""  # database: SQL or table; query: DuckDB SQL. Parameters :date, :from and :to
    watermark: str = ""  # database: a cheap query whose single value tells whether the data changed
    inputs: Mapping[str, InputRef] = field(default_factory=dict)  # query
    output: str = ""  # output: the model's name
    csv: Mapping[str, str] = field(default_factory=dict)  # delimiter, quote, null
    memory: int = 512 * 2**20  # bytes that a query may use; more fails, nothing is spilled
    time_limit: dt.timedelta = dt.timedelta(hours=1)  # database, query: for reading all of it
    options: Mapping[str, object] = field(default_factory=dict)  # keys of a kind that have no field here
    origins: Mapping[str, Origin] = field(default_factory=dict)  # key -> where it was said


class Unseen(StrEnum):
    """What a level of a category becomes that was not seen in training."""

    MISSING = "missing"
    OTHER = "other"  # an extra last level, "(other)", is always there in training and scoring
    ERROR = "error"


class RowsPolicy(StrEnum):
    """Whether a model may be scored in chunks."""

    INDEPENDENT = "independent"
    WHOLE = "whole"


@dataclass(frozen=True)
class Feature:
    """A feature: the source's column, the type that the model sees, and a category's declared levels."""

    name: str
    type: ColumnType
    origin: Origin
    levels: tuple[str, ...] = ()
    reference: str = ""
    nulls: bool = False  # it may be missing on any night


@dataclass(frozen=True)
class CodeFile:
    """A code file with ``fit`` and ``score``; ``path`` is absolute.

    ``is_folder`` says that its folder was declared: then all that lies there is the model's.
    """

    path: Path
    origin: Origin
    is_folder: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Estimator:
    """A declared estimator without code.

    ``target`` is Python's ``_target_`` (``sklearn.linear_model.LogisticRegression``), R's
    ``package::function``, or Julia's ``Package.function``. ``arguments`` are plain values (nested lists and
    mappings; in Python a nested mapping with ``_target_`` is an object). ``formula`` is R's.
    ``predict`` is the method or function that scores (empty: the language's default), called with
    ``predict_arguments``. ``per_quantile`` is the argument that gets the level of a quantile: then one model
    is fitted for each of them.
    """

    target: str
    arguments: Mapping[str, Json]
    formula: str
    origin: Origin
    predict: str = ""
    predict_arguments: Mapping[str, Json] = field(default_factory=dict)
    per_quantile: str = ""
    categories: str = ""  # "indicators": a column of 0 and 1 for each level


@dataclass(frozen=True)
class Environment:
    """What the worker runs with; empty fields mean the default of this machine.

    Python: ``executable`` or ``venv``. R: ``executable``, ``library`` (folder) or ``renv`` (project folder).
    Julia: ``executable`` and ``project`` (folder with a Project.toml). All paths absolute.
    """

    executable: str = ""
    venv: str = ""
    library: str = ""
    renv: str = ""
    project: str = ""


@dataclass(frozen=True)
class Windows:
    """Windows relative to the logical date D (a day; its rows are ``D <= time < D + score``).

    Training reads ``[D - label_delay - train, D - label_delay)``; its last ``holdout`` is held out. A zero
    ``holdout`` means: nothing is held out, and nothing is measured.
    A zero ``train`` means: everything the source has before ``D - label_delay``.
    """

    train: dt.timedelta
    holdout: dt.timedelta
    score: dt.timedelta
    label_delay: dt.timedelta
    holdout_share: float = 0.2  # used instead of ``holdout`` with a group, or without a time column
    holdout_by: str = ""  # the column whose groups are held out
    refit: bool = False  # after measuring, fit all labelled rows

    @property
    def measures(self) -> bool:
        """Whether rows are held out, by which a model is measured."""
        return bool(self.holdout)


@dataclass(frozen=True)
class Threshold:
    """A metric or output statistic with its allowed interval; None is open."""

    name: str
    min: float | None
    max: float | None
    origin: Origin


@dataclass(frozen=True)
class Retrain:
    """When training joins the graph besides 'no champion' and 'definition changed'."""

    every: dt.timedelta | None


class Promote(StrEnum):
    """How a trained version becomes champion."""

    AUTOMATIC = "automatic"  # when every training threshold holds
    MANUAL = "manual"


@dataclass(frozen=True)
class OutputColumn:
    """A column that ``score`` returns."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Resources:
    """Limits of one worker, and how many a model may have."""

    workers: int = 1
    memory: int = 4 * 2**30  # bytes of address space
    time_limit: dt.timedelta = dt.timedelta(minutes=30)  # for one command
    start_limit: dt.timedelta = dt.timedelta(seconds=60)
    training_rows: int = 5_000_000  # more rows than this in a training window is an error before it starts
    threads: int = 1


@dataclass(frozen=True)
class ModelSpec:
    """One ``conf/model/NAME.yaml``, resolved and checked."""

    name: str
    department: str
    owner: str
    description: str
    language: Language
    task: Task
    model: CodeFile | Estimator
    parameters: Mapping[str, Json]  # ``params`` of fit; also given to score
    data: str  # python only: "pandas", "polars" or "numpy": the table that the code sees
    environment: Environment
    source: InputRef
    features: tuple[Feature, ...]
    key: tuple[str, ...]
    target: str  # empty where there is none
    target_type: ColumnType | None
    windows: Windows
    input_checks: tuple[CheckSpec, ...]
    output_checks: tuple[CheckSpec, ...]
    output_columns: tuple[OutputColumn, ...]
    evaluate: str  # the output column that is measured; empty where the task says which ones are
    retention: dt.timedelta | None
    schedule: str
    training_thresholds: tuple[Threshold, ...]
    output_thresholds: tuple[Threshold, ...]  # rows, null_share, min, max, mean of each output column
    retrain: Retrain
    promote: Promote
    rows: RowsPolicy
    unseen: Unseen
    resources: Resources
    seed: int
    enabled: bool
    overrides: tuple[str, ...]  # the overrides that changed it, in the order given
    origin: Origin
    origins: Mapping[str, Origin] = field(default_factory=dict)  # dotted key -> where it was said
    goal: Goal = field(default_factory=Goal)
    fit_only: tuple[Column, ...] = ()  # columns that only fit sees, the weights among them
    audit_columns: tuple[str, ...] = ()  # by which it may be judged, and which it never sees
    imported: Imported | None = None  # where it was fitted elsewhere: then ``fit`` is never called
    measures: tuple[Measure, ...] = ()
    own_loss: str = ""  # the measure by which ``skill`` is; empty where the goal's loss is

    @property
    def evaluates_first(self) -> bool:
        """Whether the first output column is the one that is measured, or the task says which ones are."""
        return self.evaluate in ("", *(column.name for column in self.output_columns[:1]))

    @property
    def judge(self) -> Task:
        """The kind by whose metrics it is measured."""
        return self.task.judge(self.goal)

    @property
    def measured(self) -> tuple[str, ...]:
        """The output columns that are measured."""
        return (self.evaluate,) if self.evaluate else self.judge.fixed(self.goal)
