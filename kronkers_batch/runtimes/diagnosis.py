"""What a worker is given of its model, and what its failures mean, in words for the model's owner."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import polars as pl

from kronkers_batch.config.languages import DOTTED
from kronkers_batch.config.spec import Estimator
from kronkers_batch.errors import FitFailed, ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import ColumnType, Schema
from kronkers_batch.frames.wire import WireError
from kronkers_batch.runtimes.given import Said
from kronkers_batch.runtimes.languages import MIB, builder
from kronkers_batch.runtimes.protocol import Answer, TimedOut, WorkerGone
from kronkers_batch.runtimes.scrub import Scrubber, words_of
from kronkers_batch.runtimes.worker_spec import KeptCode, WorkerSpec

MAX_CODE = 2 * 2**20
MOST_NAMED = 5
"""Features of which a message tells that they are missing."""
OUT_OF_MEMORY = (128 + 9, 128 + 6, 128 + 11, 128 + 7, 12)  # killed, aborted, segmentation fault, bus, ours
_NO_PACKAGE = re.compile(r"Package (\w+) not found in current path")
"""How Julia says it: its class of error says no more."""
NOT_STARTED = (126, 127)
"""What setpriv and prlimit end with where a program may not be run, or is not there."""


# ---------------------------------------------------------------- what it is given


def model_arguments(spec: WorkerSpec, folder: str) -> dict[str, Any]:
    """The arguments of the ``model`` command; ``folder`` is where the worker finds the model's code."""
    if spec.measure is not None and isinstance(spec.model, KeptCode):
        return {
            "kind": "measure",
            "path": f"{folder}/{spec.model.path.name}",
            "function": spec.measure.function,
            "outputs": list(spec.measure.columns),
            "data": spec.data,
        }
    arguments: dict[str, Any] = {
        "task": spec.task.asked,
        "learns": spec.learns,
        "classes": list(spec.goal.classes),
        "quantiles": list(spec.goal.quantiles),
        "weights_column": spec.goal.weights,
        "exposure_column": spec.goal.exposure,
        "fit_columns": list(spec.fit_only.names),
        "params": dict(spec.parameters),
        "data": spec.data,
        "features": list(spec.features.names),
        "target_column": spec.target.name if spec.target else "",
        "outputs": list(returned(spec).values()),
    }
    if spec.imported:
        arguments |= {"imported": True, "positive": spec.goal.positive}
    if isinstance(spec.model, KeptCode):
        return {"kind": "code", "path": f"{folder}/{spec.model.path.name}", **arguments}
    if spec.model is None:
        raise ValueError("there is no model to speak of")
    return {
        "kind": "estimator",
        "target": spec.model.target,
        "formula": spec.model.formula,
        "predict": spec.model.predict,
        "predict_arguments": dict(spec.model.predict_arguments),
        "per_quantile": spec.model.per_quantile,
        **({"categories": spec.model.categories} if spec.model.categories else {}),
        "arguments": dict(spec.model.arguments),
        **arguments,
    }


def returned(spec: WorkerSpec) -> dict[str, str]:
    """The outputs that ``score`` returns, without those that follow from others, and how it calls each."""
    own = spec.task.returned(spec.goal)
    derived = spec.task.derived(spec.goal)
    return {o.name: own.get(o.name, o.name) for o in spec.outputs if o.name not in derived}


def scrubber(spec: WorkerSpec, given: Said | None = None) -> Scrubber:
    """Knows the model's code, the names of its declaration, and the words of the data that it is given."""
    names = {c.name for c in spec.features} | {o.name for o in spec.outputs} | words_of(spec.parameters)
    names |= {spec.target.name} if spec.target else set()
    names |= {*returned(spec).values(), *spec.goal.classes, *spec.fit_only.names}
    names |= {spec.measure.function, *spec.measure.columns} if spec.measure else set()
    if isinstance(spec.model, Estimator):
        names |= words_of(spec.model.arguments)
        return Scrubber(f"{spec.model.target} {spec.model.formula}", names, given)
    if spec.model is None:
        return Scrubber("", names, given)
    names |= {spec.model.path.name, *spec.model.files}
    beside = {
        name: raw[:MAX_CODE].decode(errors="replace")
        for name, raw in spec.model.files.items()
        if name.endswith(spec.language.suffixes)  # of others the words may be somebody's data
    }
    lines = {PurePath(name).name: text.count("\n") + 1 for name, text in beside.items()}
    return Scrubber(spec.model.text[:MAX_CODE], names, given, lines, beside.values())


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


def model_error(
    verb: str,
    said: Mapping[str, Any],
    spec: WorkerSpec,
    scrub: Scrubber,
    about: tuple[str, str] = ("", ""),
) -> ModelError:
    """What the model's code raised: class, message and line, without data; ``about`` is of the rows."""
    kind = {"fit": FitFailed, "score": ScoreFailed}.get(verb, ModelError)
    name = scrub.error_class(str(said.get("class", "")))
    whole = str(said.get("message", ""))
    message = scrub.message(whole)
    line = scrub.code_line(said.get("line"))
    at = ""
    if isinstance(spec.model, KeptCode):
        at = spec.model.path.name + (f":{line}" if line else "")
    said_trace = said.get("trace")
    file = spec.model.path.name if isinstance(spec.model, KeptCode) else ""
    trace = [scrub.trace(str(t), file) for t in said_trace[:20]] if isinstance(said_trace, list) else []
    what = f"{verb} failed: {name}: {message}" + "".join(f"\n    {t}" for t in trace)
    where = f"model {spec.name}" + (f" ({at})" if at else "")
    fix = f"correct {at}" if at else f"correct {_declared(spec, whole)}"
    if name in spec.language.no_memory or "cannot allocate" in message.lower():
        fix = _more_memory(spec)
    elif isinstance(spec.model, KeptCode) and _is_hidden(name, whole, spec, spec.model):
        file = spec.model.path.name
        fix = f"rename {file}: it has the name of a package, and is imported in its place"
    elif name in spec.language.no_package or _NO_PACKAGE.search(message):
        if verb == "model" and _missing(spec, message) == spec.data:
            what = f"the model's {spec.language.title} lacks {spec.data}, in which `data` gives the rows"
            where = spec.environment_at or where
        fix = _install(spec, message)
    return kind(what + about[0], where=where, fix=about[1] + fix, found=whole if message != whole else "")


def _declared(spec: WorkerSpec, message: str) -> str:
    """Where a model without code says what it is: its function, and the argument that a message speaks of."""
    if not isinstance(spec.model, Estimator):
        return "the model's YAML"
    place = f"`estimator:` ({spec.model.origin.file}:{spec.model.origin.line})"
    given = (*spec.model.arguments, *spec.model.predict_arguments)
    named = [name for name in given if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", message)]
    about = f"the argument {named[0]} of " if named else ""
    return f"{place}: {about}{spec.model.target}"


def _is_hidden(name: str, message: str, spec: WorkerSpec, code: KeptCode) -> bool:
    """Whether an import found the model's own code file where it meant a package."""
    own = code.path.stem
    quoted = re.search(rf"'{re.escape(own)}(?:\.[\w.]*)?'", message)
    return name in spec.language.hidden_package and quoted is not None


def _install(spec: WorkerSpec, message: str) -> str:
    """How to install a package that is missing; ``message`` is what is shown of the error."""
    where = spec.environment_at or "environment: in the model's YAML"
    package = _missing(spec, message)
    if package and (command := builder(spec.language).install(spec.environment, package)):
        return f"{command} ({where}); if it is a module of your own, put it beside the code file"
    return f"install the package ({where}); if it is a module of your own, put it beside the code file"


def _missing(spec: WorkerSpec, message: str) -> str:
    """The package that a message says is missing; empty where it names none."""
    named = _NO_PACKAGE.search(message) or re.search(r"['‘]([A-Za-z][\w.]*)['’]", message)
    if named is None:
        return ""
    modules = spec.language.estimator_pattern == DOTTED  # of which the first name is the package's
    return named[1].partition(".")[0] if modules else named[1]


def about_rows(rows: pl.DataFrame, features: Schema) -> tuple[str, str]:
    """What may explain that rows could not be scored: how many they are, and what is missing in them.

    Returns it in words, and what to do about it, which may be empty.
    """
    said, strings, missing = [], [], []
    for column in features:
        series = rows[column.name]
        unseen = 0
        if column.type is ColumnType.CATEGORY:
            unseen = int((~series.is_in(list(column.levels))).sum())
        if 2 * unseen > rows.height > 1:
            strings.append(column.name)
        if series.null_count():
            missing.append(column.name)
        for count, what in ((series.null_count(), "missing"), (unseen, "a level that training did not see")):
            if count:
                said.append(f"{column.name} is {what} in {count:,}")
    more = f", and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    unusual = f": {', '.join(said[:MOST_NAMED])}{more}" if said else ""
    many = "1 row" if rows.height == 1 else f"{rows.height:,} rows"
    fix = (
        f"declare {', '.join(strings[:MOST_NAMED])} as string, whose values may be new ones; "
        if strings
        else ""
    )
    if missing:
        names = ", ".join(missing[:MOST_NAMED])
        check = f"{{column: {missing[0]}, nulls: false}}"
        fix += f"let score handle missing values of {names}, or refuse them by a check ({check}); or "
    return f"\n    it was given {many}{unusual}", fix


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
    fix = "run the model's code outside kronkers, in its own language, and look at how it ends"
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
        what = f"the worker {how} during '{verb}', most likely because it had too little memory"
        fix = _more_memory(spec)
    elif verb == "hello" and (lacks := builder(spec.language).lacking(code, spec.environment, spec.data)):
        return WorkerFailed(lacks[0], where=spec.environment_at or f"model {spec.name}", fix=lacks[1])
    elif code in NOT_STARTED and verb == "hello":
        what = "the sandbox cannot start the interpreter of the model"
        fix = (
            "let other users read and run the environment (chmod -R o+rX FOLDER), since root starts "
            "workers as another user; or correct the model's environment"
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
