"""The files of a first model, as text, and what was inferred of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.drafting import julia_code, python_code, r_code
from kronkers_batch.drafting.aims import Aim
from kronkers_batch.drafting.baseline import Baseline
from kronkers_batch.drafting.feature_choice import TEXTS
from kronkers_batch.drafting.periods import Period
from kronkers_batch.drafting.survey import Survey
from kronkers_batch.drafting.yaml_text import MOST_LINES, Written, document

_NAMED = 8
"""Columns that a line names."""
CODES = {
    "python": ("model.py", python_code.code),
    "r": ("model.R", r_code.code),
    "julia": ("model.jl", julia_code.code),
}
"""Each language for which there is a first model: the name of its file, and what writes it."""


@dataclass(frozen=True)
class Inferred:
    """One thing that was inferred: of what, what, and why."""

    of: str
    value: str
    why: str


@dataclass(frozen=True)
class Draft:
    """What ``kronkers new`` makes.

    Attributes:
        files: Text by path.
        inferred: In the order in which somebody reads it.
        period: The windows.
        task: What the model predicts.
    """

    files: Mapping[Path, str]
    inferred: tuple[Inferred, ...]
    period: Period
    task: str


@dataclass(frozen=True)
class Parts:
    """What a model's files are written of.

    Attributes:
        key: The model's own key; empty where it is the source's.
    """

    name: str
    department: str
    owner: str
    language: str
    source: str
    target: str
    aim: Aim
    period: Period
    features: list[str]
    survey: Survey
    key: tuple[str, ...] = field(default=())


def places(conf: Path, name: str, language: str) -> tuple[Path, Path]:
    """Where the code of a model goes, and its YAML."""
    return conf.parent / f"models/{name}/{CODES[language][0]}", conf / f"model/{name}.yaml"


def model_files(parts: Parts, conf: Path) -> dict[Path, str]:
    """The model's YAML and its code."""
    code_file, yaml_file = places(conf, parts.name, parts.language)
    kinds = {name: parts.survey.columns[name].column.type for name in parts.features}
    texts = tuple(name for name in parts.features if kinds[name] in TEXTS)
    baseline = Baseline(
        parts.aim.task, parts.target, tuple(name for name in parts.features if name not in texts), texts
    )
    return {
        code_file: CODES[parts.language][1](baseline),
        yaml_file: _model_yaml(parts, str(code_file.relative_to(conf.parent))),
    }


def _model_yaml(parts: Parts, place: str) -> str:
    target: object = {"column": parts.target, **parts.aim.target} if parts.aim.target else parts.target
    values: dict[str, object] = {
        "department": parts.department,
        "owner": parts.owner,
        "description": f"A first model of {parts.target}.",
        "task": parts.aim.task,
        "language": parts.language,
        "code": place,
        "source": parts.source,
        **({"key": list(parts.key)} if parts.key else {}),
        "features": parts.features,
        "target": target,
        "window": {name: Written(text) for name, text in parts.period.window().items()},
        "thresholds": Written(
            "{training: {skill: {min: 0}}, output: {rows: {min: 1}}}  # better than a guess; not empty"
        ),
    }
    head = ("Written by kronkers new: change what you like.", "All keys: docs/reference/configuration.md")
    return document(head, values, most=MOST_LINES)


def some(names: list[str]) -> str:
    """The first of some columns, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def source_yaml(source: SourceSpec, key: tuple[str, ...], time: str, place: str) -> str:
    """The source's YAML. ``place`` is the file's path as it is written there."""
    csv = {name: text for name, text in source.csv.items() if (name, text) != ("delimiter", ",")}
    values: dict[str, object] = {
        "department": source.department,
        "description": f"Rows of {Path(place).name}.",
        "kind": "csv",
        "path": place,
        **({"csv": csv} if csv else {}),
        "columns": {column.name: Written(str(column.type)) for column in source.schema},
        "key": list(key),
        **({"time_column": time} if time else {}),
        "checks": Written("[{rows: {min: 1}}]"),
    }
    return document(("Written by kronkers new: correct a type that is wrong.",), values)
