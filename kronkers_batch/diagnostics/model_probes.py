"""What only a worker can know: whether an estimator exists and a code file loads. Cached by content.

Models that ask the same are one question. Each question has a worker of its own: what one model's code or
packages do to their process must not decide whether another one loads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from kronkers_batch.config.languages import Language
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import CodeFile, Environment, ModelSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.declared.kept import kept_code
from kronkers_batch.declared.measure_code import declared_at, environment_of, kept_measure, measure_spec
from kronkers_batch.digests import of_fields
from kronkers_batch.errors import ConfigError, ConfigErrors, DataError, MissingPart, ModelError
from kronkers_batch.runtimes.languages import environment_fingerprint
from kronkers_batch.runtimes.worker_spec import KeptCode, Walls
from kronkers_batch.session.known import Neighbours
from kronkers_batch.store.cache import ContentCache

if TYPE_CHECKING:
    from collections.abc import Callable

_GOOD = "loads"
_Wrong: TypeAlias = ConfigError | ModelError | DataError | MissingPart


@dataclass(frozen=True)
class _Question:
    """What is asked of a worker, and the models that ask it; the first one's declaration is sent.

    With a ``measure`` the code is that of this own measure of each of the models.
    """

    key: str
    code: KeptCode | None
    measure: Measure | None = None
    models: list[ModelSpec] = field(default_factory=list)


def probe_models(config: Config, cache: ContentCache) -> None:
    """Load every enabled model's estimator or code in a worker, once for all models that ask the same.

    Raises ConfigErrors with every model that does not load, also for want of what its environment declares,
    and MissingPart where this machine lacks a language.
    """
    places = Places.of(config, os.environ)
    problems: dict[str, ConfigError] = {}
    questions = _questions(config, places, problems)
    waiting = [question for question in questions if cache.get("probe", question.key) != _GOOD]
    for question, error in _answers(config, places, waiting):
        if error is None:
            with suppress(OSError):  # who cannot keep the answer asks again
                cache.put("probe", question.key, _GOOD)
        else:
            problems.update((model.name, _in_words_of(error, question, model)) for model in question.models)
    if problems:
        raise ConfigErrors([problems[name] for name in config.models if name in problems])


def _questions(config: Config, places: Places, problems: dict[str, ConfigError]) -> list[_Question]:
    """The distinct questions; models whose code cannot be read are put into ``problems``."""
    neighbours = Neighbours.of(config)
    fingerprint = functools.cache(environment_fingerprint)
    found: dict[str, _Question] = {}
    for model in (m for m in config.models.values() if m.enabled):
        try:
            code = kept_code(model, places, neighbours)
            stored = artifact_file.digests_of(model, places)
        except ModelError as error:
            problems[model.name] = _at_code(model, error)
            continue
        key = _key(model, code, config.executor.sandbox, fingerprint, stored)
        found.setdefault(key, _Question(key, code)).models.append(model)
        for measure in model.measures:
            try:
                kept = kept_measure(model, measure, places)
            except ModelError as error:
                problems[model.name] = _at_code(model, error, measure)
                continue
            key = _measure_key(model, measure, kept, config.executor.sandbox, fingerprint)
            found.setdefault(key, _Question(key, kept, measure)).models.append(model)
    return list(found.values())


def _answers(
    config: Config, places: Places, questions: list[_Question]
) -> Iterator[tuple[_Question, _Wrong | None]]:
    """What is wrong with each, as the answers come. Raises MissingPart."""
    if not questions:
        return
    from kronkers_batch.declared.workers import walls

    around = {name: walls(places, name) for name in {q.models[0].department for q in questions}}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        asked = {
            threads.submit(_ask, config, around[q.models[0].department], q, places): q for q in questions
        }
        try:
            for answered in as_completed(asked):
                yield asked[answered], answered.result()
        finally:
            threads.shutdown(cancel_futures=True)


def _ask(config: Config, walls: Walls, question: _Question, places: Places) -> _Wrong | None:
    # Imported here: when all is cached, as it mostly is, nobody pays for them.
    from kronkers_batch.declared.workers import worker_spec_for
    from kronkers_batch.pipeline.prepare import feature_columns
    from kronkers_batch.runtimes.probing import probe, probe_measure

    model, sandbox = question.models[0], config.executor.sandbox
    features = feature_columns(model)
    try:
        if question.measure and question.code:
            probe_measure(measure_spec(model, question.measure, question.code, features, sandbox, walls))
            return None
        kept = replace(model, model=question.code) if question.code else model
        if model.imported is None:
            probe(worker_spec_for(kept, features, sandbox, walls))
        else:
            from kronkers_batch.pipeline import importing

            importing.tried(kept, sandbox, walls, places, artifact_file.digests_of(model, places))
    except MissingPart as error:
        if model.environment == Environment():  # what the machine lacks is no model's mistake
            raise
        return error
    except (ConfigError, ModelError, DataError) as error:
        return error
    return None


def _in_words_of(error: _Wrong, question: _Question, model: ModelSpec) -> ConfigError:
    """An answer in the words of one of the models that asked: with its own file and lines."""
    from kronkers_batch.declared.workers import environment_at

    asked, own = environment_at(question.models[0]), environment_at(model)

    def moved(text: str) -> str:
        return text.replace(asked, own) if asked and own else text

    if isinstance(error, ConfigError | MissingPart):
        return ConfigError(error.what, where=moved(error.where) or own, fix=moved(error.fix))
    error = error.moved(moved(error.where))
    found = _at_code(model, error, question.measure)
    return ConfigError(found.what, where=found.where, fix=moved(found.fix))


def _at_code(model: ModelSpec, error: ModelError | DataError, measure: Measure | None = None) -> ConfigError:
    if error.where.startswith(f"{model.origin.file}:"):  # of the environment, the artifact, its golden rows
        return ConfigError(error.what, where=error.where, fix=error.fix)
    what = f"{error.what} ({error.where})" if error.where.startswith("/") else error.what
    where = declared_at(model, measure) if measure else model.model.origin
    return ConfigError(what, where=str(where), fix=error.fix)


def _measure_key(
    model: ModelSpec,
    measure: Measure,
    code: KeptCode,
    sandbox: SandboxPolicy,
    fingerprint: Callable[[Language, Environment], str],
) -> str:
    """As :func:`_key`, of an own measure."""
    resources, declared = model.resources, environment_of(model, measure)
    limits = resources.memory, resources.threads, resources.start_limit, sandbox
    return of_fields(
        str(measure.language),
        measure.function,
        measure.name,
        model.data,
        model.department,
        repr(limits),
        repr(declared),
        fingerprint(measure.language, declared),
        str(code.path),
        code.text,
    )


def _key(
    model: ModelSpec,
    code: KeptCode | None,
    sandbox: SandboxPolicy,
    fingerprint: Callable[[Language, Environment], str],
    stored: Mapping[str, str],
) -> str:
    """Digest of all that decides the answer, and of nothing that says who asks.

    A worker loads code and looks estimators up before it hears of features, so they are no part of it. What
    the sandbox hides is another department's, so the department is.
    """
    if code is not None:
        said = [part for path, raw in code.contents().items() for part in (str(path), raw)]
    elif isinstance(model.model, CodeFile):
        raise TypeError("the code was not read")
    else:
        asked = model.model
        said = [
            asked.target,
            asked.formula,
            asked.predict,
            repr(asked.arguments),
            repr(asked.predict_arguments),
        ]
    if stored:  # which is opened and scores rows, so that all of the model counts, and is asked for it alone
        about = model.features, model.output_columns, model.goal, model.parameters, model.unseen, model.seed
        said += [
            model.name,
            str(model.task),
            repr(about),
            *(f"{key} {stored[key]}" for key in sorted(stored)),
        ]
    resources = model.resources
    limits = resources.memory, resources.threads, resources.start_limit, sandbox
    environment = repr(model.environment), fingerprint(model.language, model.environment)
    kind = "estimator" if code is None else "code" if model.task.learns else "rules"
    return of_fields(
        str(model.language), kind, model.data, model.department, repr(limits), *environment, *said
    )
