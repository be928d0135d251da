"""Definitions as they are now: what somebody must have signed for a model to run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kronkers_batch.config import signing
from kronkers_batch.config.root_spec import Config, Definitions
from kronkers_batch.config.spec import InputRef, ModelSpec, SourceSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.declared.declaration import read_code
from kronkers_batch.declared.measure_code import read_measures
from kronkers_batch.digests import Json
from kronkers_batch.errors import ConfigError, MissingPart, ModelError
from kronkers_batch.redaction import redacted
from kronkers_batch.runtimes.contents import environment_contents
from kronkers_batch.runtimes.languages import environment_fingerprint
from kronkers_batch.session.services import Services
from kronkers_batch.vault.definition_signatures import Definition, Subject

ROOT, POLICY = "house", "definitions"
_UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Wanted:
    """A definition as it is now, with its flat fields."""

    definition: Definition
    fields: Mapping[str, Json]


def foreign(config: Config, model: ModelSpec) -> list[SourceSpec]:
    """The sources of other departments that a model reads: those answer for them."""
    return [s for s in signing.reached(model.source, config.sources) if s.department != model.department]


def model_wanted(services: Services, model: ModelSpec) -> Wanted:
    """A model's definition now, with every source that it reads.

    Raises ModelError where its code cannot be read, MissingPart or ConfigError where its environment cannot.
    """
    return _model_wanted(
        services,
        model,
        _files(services, model),
        artifact_file.digests(services, model),
        _measures(services, model),
        code=_code(services, model),
        environment=environment_fingerprint(model.language, model.environment),
        contents=_contents(services, model),
    )


def unreadable(services: Services, model: ModelSpec) -> Wanted:
    """As :func:`model_wanted`, to show of a model whose code or environment cannot be read.

    No signature fits it, and it is not to be signed: what such an environment holds could be exchanged.
    """
    asked: dict[str, Callable[[], str]] = {
        "code": lambda: _code(services, model),
        "environment": lambda: environment_fingerprint(model.language, model.environment),
        "contents": lambda: _contents(services, model),
    }
    digests: dict[str, str] = {}
    for name, ask in asked.items():
        try:
            digests[name] = ask()
        except (ModelError, MissingPart, ConfigError):
            digests[name] = _UNREADABLE
    try:
        measures = _measures(services, model)
    except ModelError:
        measures = {measure.name: _UNREADABLE for measure in model.measures}
    files = {} if digests["code"] == _UNREADABLE else _files(services, model)
    try:
        imported = artifact_file.digests(services, model)
    except ModelError:
        imported = {artifact_file.ARTIFACT: _UNREADABLE}
    return _model_wanted(services, model, files, imported, measures, **digests)


def _code(services: Services, model: ModelSpec) -> str:
    kept = read_code(services, model)
    return hashlib.sha256(kept.text.encode()).hexdigest() if kept else ""


def _files(services: Services, model: ModelSpec) -> dict[str, str]:
    """SHA-256 (hex) of each file beside the code that a version keeps, by its name."""
    kept = read_code(services, model)
    return {name: hashlib.sha256(raw).hexdigest() for name, raw in kept.files.items()} if kept else {}


def _measures(services: Services, model: ModelSpec) -> dict[str, str]:
    """SHA-256 (hex) of the code of each own measure, by its name."""
    kept = read_measures(services, model)
    return {name: hashlib.sha256(code.text.encode()).hexdigest() for name, code in kept.items()}


def _model_wanted(
    services: Services,
    model: ModelSpec,
    files: Mapping[str, str],
    imported: Mapping[str, str],
    measures: Mapping[str, str],
    *,
    code: str,
    environment: str,
    contents: str,
) -> Wanted:
    config = services.config
    fields = signing.model_definition(
        model,
        config.sources,
        config.root.parent,
        code=code,
        files=files,
        measures=measures,
        environment=environment,
        contents=contents,
        imported=imported,
    )
    fields |= _as_led(services, signing.reached(model.source, config.sources))
    return _wanted(Subject.MODEL, model.name, model.department, fields)


def _contents(services: Services, model: ModelSpec) -> str:
    """Digest of the environment's files; worked out once a run, for all models that declare it.

    Raises MissingPart, ConfigError. Nothing stands in for files that cannot be read: a signature on that
    would fit whatever they hold later.
    """
    key, known = (model.language, repr(model.environment)), services.run.contents
    if key not in known:
        known[key] = environment_contents(model.language, model.environment, services.cache)
    return known[key]


def source_wanted(services: Services, source: SourceSpec) -> Wanted:
    """A source's definition now."""
    config = services.config
    fields = signing.source_definition(source, config.sources, config.root.parent)
    fields |= _as_led(services, signing.reached(InputRef(source=source.name), config.sources))
    return _wanted(Subject.SOURCE, source.name, source.department, fields)


def _as_led(services: Services, sources: Iterable[SourceSpec]) -> dict[str, Json]:
    """The paths of sources as their links led when conf was loaded: what is opened is compared with that."""
    project = services.config.root.parent
    found: dict[str, Json] = {}
    for source in sources:
        if leads := services.places.leads(source):
            if source.url is None:
                found[f"sources.{source.name}.path"] = signing.place(source.path, project, leads)
            else:
                found[f"sources.{source.name}.url"] = signing.address(source.url, project, leads)
    return found


def root(config: Config) -> Wanted:
    """What the root says now."""
    return _wanted(Subject.ROOT, ROOT, "", signing.root_definition(config))


def policy(definitions: Definitions) -> Wanted:
    """That the warehouse requires signatures, or no longer does."""
    return _wanted(Subject.POLICY, POLICY, "", {"definitions": str(definitions)})


def _wanted(kind: Subject, name: str, department: str, fields: Mapping[str, Json]) -> Wanted:
    # The fingerprint is of what is true; what is kept and shown has no value of the environment in it.
    return Wanted(Definition(kind, name, department, signing.fingerprint(kind, fields)), redacted(fields))
