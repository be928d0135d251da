"""What a worker is told about its model, and what its failures mean, in words for the model's owner."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kronkers_batch.config.spec import CodeFile, Estimator
from kronkers_batch.errors import FitFailed, ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import ColumnType, Schema
from kronkers_batch.frames.wire import WireError
from kronkers_batch.runtimes.languages.base import MIB, too_wide
from kronkers_batch.runtimes.protocol import Answer, TimedOut, WorkerGone
from kronkers_batch.runtimes.scrub import Scrubber, words_of
from kronkers_batch.runtimes.spec import KeptCode, WorkerSpec

MAX_CODE = 2 * 2**20
OUT_OF_MEMORY = (128 + 9, 128 + 6, 128 + 11, 128 + 7, 12)  # killed, aborted, segmentation fault, bus, ours
NOT_STARTED = (126, 127)
"""What setpriv and prlimit end with where a program may not be run, or is not there."""


# ---------------------------------------------------------------- what it is told


def model_arguments(spec: WorkerSpec) -> dict[str, Any]:
    """The arguments of the ``model`` command."""
    arguments: dict[str, Any] = {
        "task": spec.task.value,
        "params": dict(spec.parameters),
        "data": spec.data,
        "features": list(spec.features.names),
        "target_column": spec.target.name if spec.target else "",
        "outputs": [o.name for o in spec.outputs],
    }
    if isinstance(spec.model, CodeFile):
        return {"kind": "code", "path": str(spec.model.path), **arguments}
    if spec.model is None:
        raise ValueError("there is no model to speak of")
    return {
        "kind": "estimator",
        "target": spec.model.target,
        "formula": spec.model.formula,
        "predict": spec.model.predict,
        "predict_arguments": dict(spec.model.predict_arguments),
        "arguments": dict(spec.model.arguments),
        **arguments,
    }


def model_folder(spec: WorkerSpec) -> Path | None:
    """What the worker sees of the model: its folder, or the file alone where the folder holds far more."""
    if not isinstance(spec.model, CodeFile):
        return None
    folder = spec.model.path.parent
    return spec.model.path if too_wide(folder) or str(folder) in ("/tmp", "/dev/shm") else folder  # noqa: S108


def own_code(spec: WorkerSpec) -> tuple[Path, bytes] | None:
    """Where the worker finds its code, and what it finds there; None where that is what lies there."""
    if not isinstance(spec.model, KeptCode):
        return None
    return spec.model.path, spec.model.text.encode()


def check_readable(spec: WorkerSpec) -> None:
    """Raises ModelError where the user that root's workers become could not read the model's code."""
    if not isinstance(spec.model, CodeFile):
        return
    path = spec.model.path
    if not path.is_file():
        raise ModelError(
            "the model's code file does not exist", where=str(path), fix="correct 'code' in its YAML"
        )
    shown = model_folder(spec)
    folder_closed = shown != path and path.parent.stat().st_mode & 0o005 != 0o005
    if folder_closed or not path.stat().st_mode & 0o004:
        raise ModelError(
            "the model's code cannot be read by its worker, which runs as a user of its own",
            where=str(path),
            fix=f"chmod -R o+rX {path.parent}, or run as an ordinary user",
        )


def scrubber(spec: WorkerSpec, given: Container[str] = ()) -> Scrubber:
    """Knows the model's code, the names of its declaration, and the words of the data that it is given."""
    names = {c.name for c in spec.features} | {o.name for o in spec.outputs} | words_of(spec.parameters)
    names |= {spec.target.name} if spec.target else set()
    code = ""
    if isinstance(spec.model, CodeFile):
        names.add(spec.model.path.name)
        if isinstance(spec.model, KeptCode):
            code = spec.model.text[:MAX_CODE]
        elif spec.model.path.is_file():
            with spec.model.path.open("rb") as file:
                code = file.read(MAX_CODE).decode(errors="replace")
    elif isinstance(spec.model, Estimator):
        names |= words_of(spec.model.arguments)
        code = f"{spec.model.target} {spec.model.formula}"
    return Scrubber(code, names, given)


# ---------------------------------------------------------------- what it answers


def packages(answer: Answer) -> dict[str, str]:
    """Names and versions of what a worker has loaded, bounded; what looks like neither is left out."""
    said = answer.arguments.get("packages")
    if not isinstance(said, Mapping):
        return {}
    fits = re.compile(r"[A-Za-z0-9._+\-]{1,80}").fullmatch
    found = {k: v for k, v in list(said.items())[:2000] if isinstance(v, str) and fits(k) and fits(v)}
    return dict(sorted(found.items()))


def as_declared(frame: pl.DataFrame, outputs: Schema) -> pl.DataFrame:
    """Truth values where numbers are declared, and no value as NaN where whole ones are; languages differ.

    Numbers of another type are left as they are: they become the declared one only where none is changed.
    """
    numbers = {ColumnType.FLOAT: pl.Float64, ColumnType.FLOAT32: pl.Float32}
    casts = [
        pl.col(c.name).cast(numbers[c.type])
        for c in outputs
        if c.type in numbers and frame.schema[c.name] == pl.Boolean
    ]
    whole = (ColumnType.INTEGER, ColumnType.INT32)  # pandas has no other way to say that one is missing
    missing = [
        pl.col(c.name).fill_nan(None) for c in outputs if c.type in whole and frame.schema[c.name].is_float()
    ]
    return frame.with_columns(casts + missing)


def model_error(verb: str, said: Mapping[str, Any], spec: WorkerSpec, scrub: Scrubber) -> ModelError:
    """What the model's code raised: class, message and line, without data."""
    kind = {"fit": FitFailed, "score": ScoreFailed}.get(verb, ModelError)
    name = scrub.error_class(str(said.get("class", "")))
    message = scrub.message(str(said.get("message", "")))
    line = scrub.code_line(said.get("line"))
    at = ""
    if isinstance(spec.model, CodeFile):
        at = spec.model.path.name + (f":{line}" if line else "")
    said_trace = said.get("trace")
    file = spec.model.path.name if isinstance(spec.model, CodeFile) else ""
    trace = [scrub.trace(str(t), file) for t in said_trace[:20]] if isinstance(said_trace, list) else []
    what = f"{verb} failed: {name}: {message}" + "".join(f"\n    {t}" for t in trace)
    where = f"model {spec.name}" + (f" ({at})" if at else "")
    fix = f"correct {at}" if at else "correct the model's declaration, or its environment"
    if name in ("MemoryError", "OutOfMemoryError") or "cannot allocate" in message.lower():
        fix = _more_memory(spec)
    elif name in ("ModuleNotFoundError", "ImportError", "packageNotFoundError"):
        fix = "install what is missing in the model's environment (environment: in its YAML)"
    return kind(what, where=where, fix=fix)


def process_error(
    verb: str,
    error: WireError | WorkerGone | TimedOut,
    code: int | None,
    spec: WorkerSpec,
    last: Sequence[str],
    *,
    over_memory: bool = False,
) -> WorkerFailed:
    """Why the process did not answer, and which key to change.

    ``over_memory`` says that it was ended because its processes together took more than they may.
    """
    resources, starting = spec.resources, verb in ("hello", "model")
    fix = "run the model's code by itself, in its own language, and look at how it ends"
    if isinstance(error, WireError) and not over_memory:
        what = f"the worker broke the protocol at '{verb}': {error}"
        fix = "the model's code must not write to the worker's pipes"
    elif isinstance(error, TimedOut) and starting:
        what = f"the worker did not start within {_seconds(resources.start_limit.total_seconds())}"
        fix = "raise resources.start_limit, or load less at the top of the model's code"
    elif isinstance(error, TimedOut):
        limit = _seconds(resources.time_limit.total_seconds())
        what = f"'{verb}' took longer than {limit}; the worker was ended"
        fix = "raise resources.time_limit, or make the model faster"
    elif over_memory:
        what = (
            f"during '{verb}' the worker's processes, with their files in memory, took more than "
            f"{resources.memory // MIB:,} MiB together; the worker was ended"
        )
        fix = _more_memory(spec)
    elif code in OUT_OF_MEMORY:
        how = f"was killed by signal {code - 128}" if code > 128 else "ran out of memory"
        what = f"the worker {how} during '{verb}', most likely for want of memory"
        fix = _more_memory(spec)
    elif code in NOT_STARTED and verb == "hello":
        what = "its interpreter cannot be started in the sandbox"
        fix = (
            "let other users read and run it and all that lies with it (chmod -R o+rX): workers that root "
            "starts are another user; or correct the model's environment"
        )
    elif code is not None and code > 128:
        what = f"the worker was killed by signal {code - 128} during '{verb}'"
    elif code is not None:
        what = f"the worker ended with exit code {code} during '{verb}', without an answer"
    else:
        what = f"the worker closed its pipe during '{verb}', without an answer"
    printed = "".join(f"\n    {line}" for line in last if line.strip())
    what += f"; it printed last:{printed}" if printed else ""
    return WorkerFailed(what, where=f"model {spec.name}" if spec.name else "", fix=fix)


def _more_memory(spec: WorkerSpec) -> str:
    now = f"{spec.resources.memory // MIB:,} MiB"
    return f"raise resources.memory (now {now}), or give the model less data at once"


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} s"
