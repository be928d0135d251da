"""A model's code for tests that start workers by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kronkers_batch.config.languages import Language
from kronkers_batch.config.spec import (
    CodeFile,
    Environment,
    Feature,
    InputRef,
    ModelSpec,
    Origin,
    OutputColumn,
    Promote,
    Resources,
    Retrain,
    RowsPolicy,
    Unseen,
    Windows,
)
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode


def kept(path: Path, place: Path | None = None) -> KeptCode:
    """A code file, with what else lies in its folder, as a version would keep it.

    Args:
        path: The file.
        place: Where its worker finds it; by default as a version's.
    """
    files = {
        other.relative_to(path.parent).as_posix(): other.read_bytes()
        for other in sorted(path.parent.rglob("*"))
        if other.is_file() and not other.is_symlink() and other != path
    }
    return KeptCode(
        place or PLACE / path.name, Origin("conf/model/m.yaml", 1, "code"), path.read_text(), files
    )


DAY = dt.timedelta(days=1)


def declared(
    language: Language, features: Sequence[Column], output: tuple[str, ...] = ("score",), **changes: Any
) -> ModelSpec:
    """A model as a checked configuration has it; what is not said is plain."""
    where = Origin("conf/model/m.yaml", 1, "")
    values: dict[str, Any] = {
        "name": "m",
        "department": "sales",
        "owner": "Ann",
        "description": "",
        "language": language,
        "task": TASKS["regression"],
        "model": CodeFile(Path("model"), Origin("conf/model/m.yaml", 2, "code")),
        "parameters": {},
        "data": "polars",
        "environment": Environment(),
        "source": InputRef(source="s"),
        "features": tuple(Feature(c.name, c.type, where) for c in features),
        "key": ("id",),
        "target": "y",
        "target_type": ColumnType.FLOAT,
        "windows": Windows(DAY, DAY, DAY, DAY),
        "input_checks": (),
        "output_checks": (),
        "output_columns": tuple(OutputColumn(name, ColumnType.FLOAT) for name in output),
        "evaluate": output[0],
        "retention": None,
        "schedule": "",
        "training_thresholds": (),
        "output_thresholds": (),
        "retrain": Retrain(None),
        "promote": Promote.AUTOMATIC,
        "rows": RowsPolicy.INDEPENDENT,
        "unseen": Unseen.MISSING,
        "resources": Resources(),
        "seed": 7,
        "enabled": True,
        "overrides": (),
        "origin": where,
    }
    return ModelSpec(**{**values, **changes})
