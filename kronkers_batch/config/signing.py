"""What a signature on a definition covers: everything that can move data, run code or use a key.

This is not the training fingerprint, which leaves out paths, departments, sharing and thresholds because they
are no reason to train. Here **everything counts that is not listed as left out**, so a field that is added to
a dataclass is covered from its first day. A test changes every field and looks whether the fingerprint moves.

Places inside the project count relative to it, so that a signature made in one checkout holds in another;
places are also followed through symbolic links. Passwords are left out of addresses.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from kronkers_batch.config import databases
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.paths import fixed_part
from kronkers_batch.config.root_spec import Config, ExecutorSpec, WarehouseSpec
from kronkers_batch.config.secret import Secret
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import (
    CodeFile,
    Environment,
    Estimator,
    Feature,
    InputRef,
    ModelSpec,
    Origin,
    SourceSpec,
    Windows,
)
from kronkers_batch.digests import Json, of_json
from kronkers_batch.families import Member
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning import Goal

FORMAT = 1
_LEADS = " -> "

LEFT_OUT: Mapping[type, frozenset[str]] = {
    ModelSpec: frozenset({"owner", "description", "origins"}),
    Measure: frozenset({"path"}),  # what the file holds counts, wherever it lies
    SourceSpec: frozenset({"description", "origins"}),
    # Of the root: what is signed by itself (models, sources), names no place (departments), is the caller's
    # own (the key file must be the one that the environment names), or only says how fast.
    Config: frozenset({"root", "key_file", "departments", "sources", "models", "overrides", "definitions"}),
    ExecutorSpec: frozenset({"workers", "chunk_rows", "piece_rows", "kept_workers"}),
}

LATER: Mapping[type, Mapping[str, object]] = {
    WarehouseSpec: {"keep_snapshots": dt.timedelta(days=90)},
    SourceSpec: {"options": {}},
    Estimator: {"per_quantile": "", "categories": ""},
    Windows: {"holdout_by": "", "refit": False},
    Feature: {"levels": (), "reference": "", "nulls": False},
    ModelSpec: {
        "goal": Goal(),
        "fit_only": (),
        "audit_columns": (),
        "imported": None,
        "measures": (),
        "own_loss": "",
    },
    Goal: {
        "judged_as": "",
        "higher_is": "",
        "top": 0,
        "group": "",
        "at": 0,
        "event": "",
        "horizons": (),
        "panel": None,
    },
}
"""Fields that came when definitions were signed already, with their defaults: where they have these they are
left out, so that a new release asks nobody to sign again what they signed."""


def model_definition(
    model: ModelSpec,
    sources: Mapping[str, SourceSpec],
    project: Path,
    *,
    code: str = "",
    files: Mapping[str, str] | None = None,
    measures: Mapping[str, str] | None = None,
    environment: str = "",
    contents: str = "",
    imported: Mapping[str, str] | None = None,
) -> dict[str, Json]:
    """Everything that is signed of a model and of all sources that it reads, flat.

    Args:
        model: The model, resolved, with its overrides.
        sources: All sources by name.
        project: The folder that holds the conf folder.
        code: SHA-256 (hex) of the code file's bytes; empty for a declared estimator.
        files: The same of each file beside it, by name.
        measures: The same of the code file of each own measure, by the measure's name.
        environment: Digest of lock files and the like; empty for the default environment.
        contents: Digest of the environment's files; empty for the default environment.
        imported: SHA-256 (hex) of the artifact and of its golden rows, of a model that was fitted elsewhere.
    """
    values = _fields(model, project)
    if isinstance(model.model, CodeFile):
        values["model"] = {"kind": "code"}
    if model.imported is not None:  # what the files hold counts, not where they lie
        values["imported"] = dict(imported or {})
    if model.evaluates_first:  # as was signed before it could be said
        del values["evaluate"]
    if model.measures:
        values["measures"] = {measure.name: _fields(measure, project) for measure in model.measures}
    # The fields of ``environment`` are keys below it, so the lock's digest may take its name.
    flat = _flat("", values) | {"code": code, "environment": environment}
    flat |= {f"files.{name}": digest for name, digest in (files or {}).items()}
    flat |= {f"measures.{name}.code": digest for name, digest in (measures or {}).items()}
    if contents:
        flat["environment.contents"] = contents
    for source in reached(model.source, sources):
        flat |= _flat(f"sources.{source.name}", _fields(source, project))
    return flat


def source_definition(
    source: SourceSpec, sources: Mapping[str, SourceSpec], project: Path
) -> dict[str, Json]:
    """Everything that is signed of a source, and of the sources that its query reads, flat."""
    flat: dict[str, Json] = {}
    for found in reached(InputRef(source=source.name), sources):
        flat |= _flat(f"sources.{found.name}", _fields(found, project))
    return flat


def root_definition(config: Config) -> dict[str, Json]:
    """What is signed of the root: where things lie, who is alerted, and whether code must be sandboxed."""
    return _flat("", _fields(config, config.root.parent))


def fingerprint(kind: str, fields: Mapping[str, Json]) -> str:
    """SHA-256 (hex) of a definition of this kind."""
    return of_json({"format": FORMAT, "kind": kind, "fields": dict(fields)})


def reached(ref: InputRef, sources: Mapping[str, SourceSpec]) -> list[SourceSpec]:
    """The sources behind a reference, also through queries, by name; a model's output ends the way."""
    found: dict[str, SourceSpec] = {}
    waiting = [ref.source]
    while waiting:
        name = waiting.pop()
        if name and name not in found:
            found[name] = sources[name]
            waiting += [inner.source for inner in sources[name].inputs.values()]
    return [found[name] for name in sorted(found)]


def outputs(ref: InputRef, sources: Mapping[str, SourceSpec]) -> list[str]:
    """The models whose outputs are behind a reference, also through queries, by name."""
    found = {ref.output}
    for source in reached(ref, sources):
        found |= {source.output, *(inner.output for inner in source.inputs.values())}
    return sorted(found - {""})


def address(url: Secret, project: Path | None = None, leads: str = "") -> str:
    """A database's address as it is signed: the place of a file, else a digest, without password.

    Without a project the place is absolute. ``leads`` is as for :func:`place`.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    text = url.reveal()
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):  # several hosts and ports are no URL of SQLAlchemy's
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    kind = parsed.get_backend_name()
    if kind in databases.IN_FILES and parsed.database and not parsed.query:
        return f"{kind}:" + (
            place(parsed.database, project, leads) if project else str(Path(parsed.database).resolve())
        )
    # Without the password, which changes more often than what it opens, and could be guessed from a digest.
    shown = parsed._replace(password=None).render_as_string(hide_password=False)
    return "sha256:" + hashlib.sha256(shown.encode()).hexdigest()


def place(text: str, project: Path, leads: str = "") -> str:
    """A path as it is signed: below the project where it is, and where its links lead if elsewhere.

    ``leads`` is where they led at a time that counts; else they are followed now.
    """
    if not text or "://" in text:
        return text
    fixed = fixed_part(text)
    real = Path(leads) if leads else fixed.resolve() / Path(text).relative_to(fixed)
    said, leads = _below(Path(text), project), _below(real, project.resolve())
    return said if said == leads else f"{said}{_LEADS}{leads}"


def _below(path: Path, project: Path) -> str:
    inside = path.is_relative_to(project)
    found = f"project:{path.relative_to(project).as_posix()}" if inside else str(path)
    # A folder may be called "x -> y"; it is not what the link x leads to.
    return json.dumps(found, ensure_ascii=False) if _LEADS in found else found


def _fields(value: object, project: Path) -> dict[str, object]:
    """A dataclass's fields as plain values, without those that are left out."""
    out, later = LEFT_OUT.get(type(value), frozenset()), LATER.get(type(value), {})
    found = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        item = getattr(value, field.name)
        if field.name in out or isinstance(item, Origin):
            continue
        if field.name in later and item == later[field.name]:
            continue
        found[field.name] = _field(value, field.name, item, project)
    return found


def _field(owner: object, name: str, item: object, project: Path) -> object:
    is_path = isinstance(owner, Environment) or (isinstance(owner, WarehouseSpec) and name != "url")
    if isinstance(owner, SourceSpec) and name == "path":
        is_path = not SOURCE_KINDS[owner.kind].is_inside
    if is_path and isinstance(item, str):
        return place(item, project)
    return _plain(item, project, is_address=name == "url")


def _plain(value: object, project: Path, is_address: bool = False) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, StrEnum) else value
    if isinstance(value, Member):
        return value.name
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Path):
        return place(str(value), project)
    if isinstance(value, Secret):
        return address(value, project) if is_address else _guarded(value)
    if isinstance(value, Schema):
        return [[c.name, str(c.type), list(c.levels)] for c in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v, project) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, project) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, project)
    raise TypeError(f"{type(value).__name__} cannot be signed")


def _guarded(value: Secret) -> str:
    """A digest of a secret of the alerts that cannot be turned back by trying likely words."""
    raw = hashlib.scrypt(value.reveal().encode(), salt=b"kronkers-batch signed secret 1", n=2**14, r=8, p=1)
    return "scrypt:" + raw.hex()


def _flat(prefix: str, values: Mapping[str, object]) -> dict[str, Json]:
    """Nested mappings as dotted keys, so that a change names the one value that changed."""
    found: dict[str, Json] = {}
    for name, value in values.items():
        # {"a.b": 1} and {"a": {"b": 1}} must not look the same.
        escaped = name.replace("\\", "\\\\").replace(".", "\\.")
        key = f"{prefix}.{escaped}" if prefix else escaped
        if isinstance(value, Mapping) and value:
            found |= _flat(key, value)
        else:
            found[key] = value  # type: ignore[assignment]
    return found
