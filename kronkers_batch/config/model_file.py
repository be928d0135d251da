"""``conf/model/NAME.yaml`` and ``conf/template/NAME.yaml``: their keys, as one table."""

from __future__ import annotations

from kronkers_batch.config.code_folder import CODE
from kronkers_batch.config.feature_fields import FEATURE, read_features
from kronkers_batch.config.fields import Counts, Field, Kind, Table, list_kind, table_kind
from kronkers_batch.config.forecast_fields import FORECAST
from kronkers_batch.config.import_fields import IMPORT_FIELDS
from kronkers_batch.config.kinds import (
    BOOLEAN,
    COLUMN,
    FILLED,
    NAME,
    PLAIN_MAPPING,
    SOME_COLUMNS,
    TEXT,
    TIME_OF_DAY,
    choice,
    integer,
    member,
)
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.measure_fields import MEASURES
from kronkers_batch.config.model_parts import (
    ENVIRONMENT,
    ESTIMATOR,
    MODEL_CHECKS,
    RESOURCES,
    RETRAIN,
    WINDOW,
    read_estimator,
)
from kronkers_batch.config.source_fields import INPUT
from kronkers_batch.config.spec import Promote, RowsPolicy, Unseen
from kronkers_batch.config.task_fields import (
    DECISION,
    OUTPUT,
    TARGET_KIND,
)
from kronkers_batch.config.threshold_fields import THRESHOLDS
from kronkers_batch.learning import TASKS, UsesTarget

_TARGETS = {UsesTarget.NEVER: "none", UsesTarget.MAYBE: "if there is one"}
MODEL = Table(
    "conf/model/NAME.yaml",
    (
        Field(
            "defaults",
            Kind("a list of templates", lambda *_: None),
            "Templates: `[/template/NAME, ...]`.",
            counts=Counts.NEVER,
        ),
        Field(
            "name",
            NAME,
            "The file's name again; may be left out.",
            shown="the file's name",
            counts=Counts.NEVER,
        ),
        Field(
            "department",
            NAME,
            "Its department: a file in conf/department/.",
            required=True,
            counts=Counts.NEVER,
        ),
        Field("owner", FILLED, "The person who is responsible for it.", required=True, counts=Counts.NEVER),
        Field("description", TEXT, "What it predicts, for whom.", default="", counts=Counts.NEVER),
        Field("language", member(LANGUAGES), "The language of its code.", required=True),
        Field(
            "task",
            member(TASKS),
            "What it predicts: " + "; ".join(f"`{task}`: {task.predicts}" for task in TASKS.values()) + ".",
            required=True,
        ),
        Field(
            "code",
            CODE,
            "The code file, with fit and score; or its folder, in which the file is called model.py, model.R "
            "or model.jl. Either this or estimator.",
            counts=Counts.DIGEST,
        ),
        Field(
            "estimator",
            Kind("a mapping with _target_ or function", read_estimator, table=ESTIMATOR, free=True),
            "A declared estimator, without code.",
        ),
        *IMPORT_FIELDS,
        Field("parameters", PLAIN_MAPPING, "Given to fit and score as `params`.", default={}),
        Field(
            "data",
            choice(("pandas", "polars", "numpy")),
            "Python: the table that the code sees.",
            default="pandas",
        ),
        Field(
            "environment",
            table_kind(ENVIRONMENT),
            "The environment in which its worker runs.",
            default={},
            counts=Counts.DIGEST,
        ),
        Field(
            "source",
            INPUT,
            "Where its rows come from: a file in conf/source/, or {output: MODEL}.",
            required=True,
            counts=Counts.BOTH,
        ),
        Field(
            "features",
            Kind(
                "a list of columns, or a mapping of column to type or to {type: ..., levels: [...]}",
                read_features,
                free=True,
            ),
            "What the model sees, in order. In a list the types are the source's (string becomes category). "
            "In a mapping each has a type, or of these: "
            + " ".join(f"`{field.name}`: {field.doc}" for field in FEATURE.fields)
            + " `forecast` has none: they follow from its columns.",
            shown="required, except for forecast",
            counts=Counts.BOTH,
        ),
        *FORECAST,
        Field(
            "key",
            list_kind(COLUMN, SOME_COLUMNS, single=True, empty=False),
            "The columns that identify a row.",
            shown="the source's key",
            counts=Counts.SCORING,
        ),
        Field(
            "target",
            TARGET_KIND,
            "The column that is predicted, and what it means. "
            + "; ".join(
                f"`{task}`: {_TARGETS[task.target]}" for task in TASKS.values() if task.target in _TARGETS
            )
            + ".",
            shown="required by all other tasks",
        ),
        Field(
            "weights",
            COLUMN,
            "The column that says how much a row counts in fit; metrics count each row once.",
            default="",
            shown="each row counts once",
        ),
        Field(
            "exposure",
            COLUMN,
            "`count`: the column that says over how much (time, area, people) a row counts."
            " Scoring needs it too.",
            default="",
            shown="1 for each row",
            counts=Counts.BOTH,
        ),
        Field(
            "group",
            COLUMN,
            "`ranking`: the column whose equal values are one group of rows, such as a query or a session.",
            default="",
            shown="none",
        ),
        Field(
            "train_only",
            list_kind(COLUMN, SOME_COLUMNS, single=True, empty=False),
            "Columns that fit sees besides the features, and score does not.",
            default=(),
            shown="none",
        ),
        Field(
            "audit_columns",
            list_kind(COLUMN, SOME_COLUMNS, single=True, empty=False),
            "Columns by which the model may be judged and that it never sees, such as sex or age: naming one "
            "as a feature, or in another role, is refused. Nothing reads them yet.",
            default=(),
            shown="none",
            counts=Counts.NEVER,
        ),
        MEASURES,
        Field("window", table_kind(WINDOW), "Which rows, relative to the logical date."),
        Field("checks", table_kind(MODEL_CHECKS), "Checks on inputs and outputs."),
        Field(
            "schedule",
            TIME_OF_DAY,
            "When it should run, every day. Nothing reads it yet: start `kronkers run` with cron.",
            default="",
            shown="only by hand",
            counts=Counts.NEVER,
        ),
        Field(
            "thresholds",
            table_kind(THRESHOLDS),
            "Gates before promotion and before publishing.",
            counts=Counts.NEVER,
        ),
        Field("retrain", table_kind(RETRAIN), "When to train again.", counts=Counts.NEVER),
        Field(
            "promote",
            choice(Promote),
            "How a trained version becomes champion.",
            default=Promote.AUTOMATIC,
            counts=Counts.NEVER,
        ),
        Field(
            "rows",
            choice(RowsPolicy),
            "`independent`: a model scores chunks of rows; `whole`: all rows of a window at once.",
            default=RowsPolicy.INDEPENDENT,
            counts=Counts.BOTH,
        ),
        Field(
            "unseen",
            choice(Unseen),
            "Levels of a category that training did not see become null, the level `(other)`, or an error.",
            default=Unseen.MISSING,
            counts=Counts.BOTH,
        ),
        Field("output", table_kind(OUTPUT), "What is kept, and how long."),
        Field("decision", table_kind(DECISION), "Which rows of a scoring window are chosen."),
        Field("resources", table_kind(RESOURCES), "Limits of its workers.", counts=Counts.NEVER),
        Field("seed", integer(0, 2**31 - 1), "Set before every fit.", default=1),
        Field("enabled", BOOLEAN, "`false`: left out of nightly runs.", default=True, counts=Counts.NEVER),
    ),
)
