"""What only a worker can know: whether an estimator exists and a code file loads. Cached by content."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import Config, ModelSpec
from kronkers_batch.errors import ConfigError, ConfigErrors, MissingPart, ModelError
from kronkers_batch.runtimes.languages.base import fingerprint_of
from kronkers_batch.runtimes.spec import KeptCode
from kronkers_batch.steps.kept import Neighbours, kept_code
from kronkers_batch.store.cache import ContentCache, digest

_GOOD = "loads"


def probe_models(config: Config, cache: ContentCache) -> None:
    """Load every enabled model's estimator or code in its own worker, once for each content.

    Raises ConfigErrors with every model that does not load, and MissingPart where a language is missing.
    """
    places = Places.of(config, os.environ)
    neighbours = Neighbours.of(config)
    problems: list[ConfigError] = []
    kept, keys = {}, {}
    for model in (m for m in config.models.values() if m.enabled):
        try:
            kept[model.name] = kept_code(model, places, neighbours)
            keys[model.name] = _key(model, kept[model.name])
        except ModelError as error:
            problems.append(_at_code(model, error))
    waiting = [config.models[name] for name, key in keys.items() if cache.get("probe", key) != _GOOD]
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda m: _probe(config, places, m, kept[m.name]), waiting))
    for model, problem in zip(waiting, results, strict=True):
        if problem is None:
            cache.put("probe", keys[model.name], _GOOD)
        else:
            problems.append(problem)
    if problems:
        raise ConfigErrors(problems)


def _probe(config: Config, places: Places, model: ModelSpec, code: KeptCode | None) -> ConfigError | None:
    # Imported here: when all is cached, as it mostly is, nobody pays for them.
    from kronkers_batch.runtimes.probing import probe
    from kronkers_batch.steps.prepare import feature_columns
    from kronkers_batch.steps.workers import environment_at, walls, worker_spec_for

    sandbox, around = config.executor.sandbox, walls(places, model.department)
    kept = replace(model, model=code) if code else model
    try:
        probe(worker_spec_for(kept, feature_columns(model), sandbox, around))
    except ConfigError as error:
        return ConfigError(error.what, where=error.where or environment_at(model), fix=error.fix)
    except MissingPart:
        raise
    except ModelError as error:
        return _at_code(model, error)
    return None


def _at_code(model: ModelSpec, error: ModelError) -> ConfigError:
    what = f"{error.what} ({error.where})" if error.where.startswith("/") else error.what
    return ConfigError(what, where=str(model.model.origin), fix=error.fix)


def _key(model: ModelSpec, code: KeptCode | None) -> str:
    files = [part for path, raw in code.contents().items() for part in (str(path), raw)] if code else []
    said = "" if code else repr(model.model)
    environment = repr(model.environment), fingerprint_of(model.language, model.environment)
    return digest(str(model.language), said, model.data, *environment, *files)
