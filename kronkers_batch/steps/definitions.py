"""A model's definition as it is now: flat, and as fingerprints, with its code normalised."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from kronkers_batch.config.fingerprint import (
    Json,
    definition_fingerprint,
    scoring_fingerprint,
    training_definition,
    training_fingerprint,
)
from kronkers_batch.config.spec import CodeFile, ModelSpec
from kronkers_batch.errors import ModelError, WorkerFailed
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.runtimes.probing import environment_fingerprint, normalise_code
from kronkers_batch.steps.declared import read_code
from kronkers_batch.steps.ingest import source_identity
from kronkers_batch.steps.permits import permit
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import source_of
from kronkers_batch.steps.windows import scoring_window
from kronkers_batch.steps.workers import walls_of
from kronkers_batch.store.cache import digest


@dataclass(frozen=True)
class Definition:
    """``flat`` is dotted key to value; ``training`` its fingerprint; ``parts`` what that is made of."""

    flat: Mapping[str, Json]
    training: str
    parts: Mapping[str, str]


def define(services: Services, model: ModelSpec) -> Definition:
    """The definition that a training now would be of; worked out once a process.

    Raises ModelError where the code does not parse, AccessRefused where it must be signed and is not.
    """
    permit(services, model.name)
    known = services.memo.get(("definition", model.name))
    if isinstance(known, Definition):
        return known
    sources = services.config.sources
    code = code_digest(services, model)
    environment = environment_fingerprint(model.language, model.environment)
    digests = {"code_digest": code, "environment_digest": environment}
    found = Definition(
        training_definition(model, sources, **digests),
        training_fingerprint(model, sources, **digests),
        {
            "code": code,
            "environment": environment,
            "definition": definition_fingerprint(model, sources, **digests),
        },
    )
    services.memo["definition", model.name] = found
    return found


def code_digest(services: Services, model: ModelSpec) -> str:
    """Digest of the code file without comments and layout; empty for a declared estimator.

    The worker that parses it is asked once for each content; equal bytes always mean unchanged.
    """
    if not isinstance(model.model, CodeFile):
        return ""
    text = read_code(services, model)
    # Another environment may be another department's, whose parser may say what it likes.
    key = digest(str(model.language), repr(model.environment), text)
    known = services.cache.get("code", key)
    if known is not None:
        return known
    normalised = digest(_normalised(services, model, text, model.model.path.name))
    services.cache.put("code", key, normalised)
    return normalised


def _normalised(services: Services, model: ModelSpec, text: str, file: str) -> str:
    sandbox = services.config.executor.sandbox
    try:
        return normalise_code(
            model.language, model.environment, text, sandbox, model.name, walls_of(services, model)
        )
    except WorkerFailed:
        raise
    except ModelError as error:
        said = error.what.removeprefix("normalise failed: ")
        raise ModelError(
            f"the code does not parse: {said}",
            where=f"model {model.name} ({file})",
            fix=f"correct {file}; kronkers check names its line",
        ) from None


def scoring_fingerprint_of(
    services: Services, model: ModelSpec, date: dt.date, champion: ModelVersion
) -> str:
    """What an output of this date would be of: the champion, and the source as it is now.

    Raises AccessRefused where the definition must be signed and is not.
    """
    permit(services, model.name)
    window = scoring_window(model, source_of(services, model.source), date)
    return scoring_fingerprint(
        model,
        services.config.sources,
        champion_id=champion.id,
        source_identity=source_identity(services, model.source, window),
    )
