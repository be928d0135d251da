"""A model as declared when a version was trained: the version scores with its own code, not with today's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kronkers_batch import private
from kronkers_batch.config import opening
from kronkers_batch.config.fingerprint import plain
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import (
    CodeFile,
    Estimator,
    Language,
    ModelSpec,
    OutputColumn,
    RowsPolicy,
    Task,
    Unseen,
)
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.runtimes.spec import KeptCode
from kronkers_batch.steps.services import Services


def declaration(model: ModelSpec, code: str) -> dict[str, Any]:
    """What a version needs to score as it was trained, as JSON values; ``code`` is the code file's text."""
    return {
        "language": str(model.language),
        "task": str(model.task),
        "code": code,
        "estimator": _estimator(model.model) if isinstance(model.model, Estimator) else None,
        "file": model.model.path.name if isinstance(model.model, CodeFile) else "",
        "parameters": plain(model.parameters),
        "data": model.data,
        "outputs": [[c.name, str(c.type)] for c in model.output_columns],
        "rows": str(model.rows),
        "unseen": str(model.unseen),
        "seed": model.seed,
    }


def _estimator(estimator: Estimator) -> dict[str, Any]:
    return {
        "target": estimator.target,
        "arguments": plain(estimator.arguments),
        "formula": estimator.formula,
        "predict": estimator.predict,
        "predict_arguments": plain(estimator.predict_arguments),
    }


def as_trained(services: Services, model: ModelSpec, version: ModelVersion) -> ModelSpec:
    """Today's declaration with everything that a version's scores depend on put back as it was trained."""
    then: Mapping[str, Any] = version.training.declaration
    estimator = then["estimator"]
    code: CodeFile | Estimator
    if estimator is None:
        text = then["code"]
        code = KeptCode(write_code(services, then["file"], text), model.model.origin, text)
    else:
        code = Estimator(**estimator, origin=model.model.origin)
    return replace(
        model,
        language=Language(then["language"]),
        task=Task(then["task"]),
        model=code,
        parameters=then["parameters"],
        data=then["data"],
        output_columns=tuple(OutputColumn(n, ColumnType(t)) for n, t in then["outputs"]),
        rows=RowsPolicy(then["rows"]),
        unseen=Unseen(then["unseen"]),
        seed=then["seed"],
    )


def read_code(services: Services, model: ModelSpec) -> str:
    """The text of the code file, read once a process; empty for a declared estimator. Raises ModelError.

    Once, so that what runs is what was looked at: the file may change at any time.
    """
    if not isinstance(model.model, CodeFile):
        return ""
    key = ("code", model.name, str(model.model.path))
    text = services.memo.get(key)
    if not isinstance(text, str):
        text = services.memo[key] = code_of(model, services.places)
    return text


def code_of(model: ModelSpec, places: Places) -> str:
    """The text of the code file as it is now; empty for a declared estimator. Raises ModelError."""
    if not isinstance(model.model, CodeFile):
        return ""
    path = model.model.path
    try:
        return opening.read_text(path, places, department=model.department, code=True)
    except opening.PathRefused as refused:
        raise ModelError(f"the path is refused: {refused.why}", where=str(path), fix=FIX) from None
    except UnicodeDecodeError:
        raise ModelError("the code is not UTF-8", where=str(path), fix="save the file as UTF-8") from None
    except OSError as error:
        raise ModelError(
            f"the code cannot be read: {error.strerror}", where=str(path), fix="correct 'code' in its YAML"
        ) from None


def write_code(services: Services, name: str, code: str) -> Path:
    """A file with this code alone in its folder, which is named by the code's digest.

    Training and scoring both run it, so that a version never depends on a file that is not kept with it.
    """
    raw = code.encode()
    folder = services.config.home / "cache" / "models" / hashlib.sha256(raw).hexdigest()
    path = folder / name
    if not path.is_file() or path.read_bytes() != raw:
        # The worker may run under another user, who must be able to read it; the folder above is private.
        private.own_folder(folder.parent)
        private.make_folder(folder, mode=0o755)
        private.replace(path, raw, mode=0o644)
    return path
