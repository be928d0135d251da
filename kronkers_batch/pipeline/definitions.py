"""A model's definition as it is now: flat, and as fingerprints, with its code normalised."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from kronkers_batch.config.fingerprint import (
    Digests,
    definition_fingerprint,
    training_definition,
    training_fingerprint,
)
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.declared.declaration import read_code
from kronkers_batch.declared.measure_code import environment_of, read_measures
from kronkers_batch.declared.workers import walls_of
from kronkers_batch.digests import of_fields
from kronkers_batch.errors import ModelError, WorkerFailed
from kronkers_batch.runtimes.languages import environment_fingerprint
from kronkers_batch.session.known import Definition
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    from kronkers_batch.runtimes.model_worker import Worker


def define(services: Services, model: ModelSpec) -> Definition:
    """The definition that a training now would be of; worked out once a run.

    Raises ModelError where the code does not parse, AccessRefused where it must be signed and is not.
    """
    services.run.permissions.require(model.name)
    known = services.run.definitions
    if model.name in known:
        return known[model.name]
    sources = services.config.sources
    code, files = code_digests(services, model)
    environment = environment_fingerprint(model.language, model.environment)
    digests: Digests = {
        "code_digest": code,
        "environment_digest": environment,
        "files": files,
        "measures": measure_digests(services, model),
        "imported": artifact_file.digests(services, model),
    }
    found = Definition(
        training_definition(model, sources, **digests),
        training_fingerprint(model, sources, **digests),
        {
            "code": code,
            "environment": environment,
            "definition": definition_fingerprint(model, sources, **digests),
        },
    )
    known[model.name] = found
    return found


def code_digests(services: Services, model: ModelSpec) -> tuple[str, dict[str, str]]:
    """Digests of the code file without comments and layout, and of each file beside it; none of estimators.

    Code of the model's language counts as the code file does, all else by its bytes.
    """
    code = read_code(services, model)
    if code is None:
        return "", {}
    files = {}
    with ExitStack() as stack:
        parser = _Parser(services, model, stack)
        own = parser.digest(code.text, code.path.name)
        for name, raw in code.files.items():
            files[name] = hashlib.sha256(raw).hexdigest()
            if name.endswith(model.language.suffixes):
                files[name] = parser.digest_or(raw, name, files[name])
    return own, files


def measure_digests(services: Services, model: ModelSpec) -> dict[str, str]:
    """Digests of the code of each own measure without comments and layout, by the measure's name."""
    found = {}
    for measure in model.measures:
        code = read_measures(services, model)[measure.name]
        own = replace(model, language=measure.language, environment=environment_of(model, measure))
        with ExitStack() as stack:
            found[measure.name] = _Parser(services, own, stack).digest(code.text, code.path.name)
    return found


class _Parser:
    """Digests of code without comments and layout; at most one worker is started, for what is not known yet.

    Each content is parsed once; equal bytes always mean unchanged.
    """

    def __init__(self, services: Services, model: ModelSpec, stack: ExitStack) -> None:
        self._services, self._model, self._stack = services, model, stack
        self._worker: Worker | None = None

    def digest(self, text: str, file: str) -> str:
        """Of a file that must parse. Raises ModelError, naming it."""
        # Another environment may be another department's, whose parser may say what it likes.
        key = of_fields(str(self._model.language), repr(self._model.environment), text)
        cache = self._services.cache
        known = cache.get("code", key)
        if known is None:
            known = of_fields(self._normalised(text, file))
            cache.put("code", key, known)
        return known

    def digest_or(self, raw: bytes, file: str, other: str) -> str:
        """Of a file that may be no code, whatever it is called; then ``other``."""
        try:
            return self.digest(raw.decode(), file)
        except (WorkerFailed, UnicodeDecodeError) as error:
            if isinstance(error, WorkerFailed):
                raise
        except ModelError:
            pass  # where it is run, its import says so
        return other

    def _normalised(self, text: str, file: str) -> str:
        model, sandbox = self._model, self._services.config.executor.sandbox
        try:
            if self._worker is None:
                from kronkers_batch.runtimes.probing import parser

                self._services.db.end_read()  # an interpreter takes seconds to start
                walls = walls_of(self._services, model)
                started = parser(model.language, model.environment, sandbox, model.name, walls)
                self._worker = self._stack.enter_context(started)
            return self._worker.normalise(text)
        except WorkerFailed:
            raise
        except ModelError as error:
            said = error.what.removeprefix("normalise failed: ")
            raise ModelError(
                f"the code does not parse: {said}",
                where=f"model {model.name} ({file})",
                fix=f"correct {file}",
            ) from None
