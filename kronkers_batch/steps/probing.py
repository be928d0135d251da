"""What only a worker can know: whether an estimator exists and a code file loads. Cached by content."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CodeFile, Config, ModelSpec, Origin
from kronkers_batch.errors import ConfigError, ConfigErrors, MissingPart, ModelError
from kronkers_batch.runtimes.languages.base import fingerprint_of
from kronkers_batch.steps.declared import code_of
from kronkers_batch.store.cache import ContentCache, digest

_GOOD = "loads"


def probe_models(config: Config, cache: ContentCache) -> None:
    """Load every enabled model's estimator or code in its own worker, once for each content.

    Raises ConfigErrors with every model that does not load, and MissingPart where a language is missing.
    """
    places = Places.of(config, os.environ)
    keys = {m.name: _key(m, places) for m in config.models.values() if m.enabled}
    waiting = [config.models[name] for name, key in keys.items() if cache.get("probe", key) != _GOOD]
    if not waiting:
        return
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda m: _probe(config, places, m), waiting))
    problems: list[ConfigError] = []
    for model, problem in zip(waiting, results, strict=True):
        if problem is None:
            cache.put("probe", keys[model.name], _GOOD)
        else:
            problems.append(problem)
    if problems:
        raise ConfigErrors(problems)


def _probe(config: Config, places: Places, model: ModelSpec) -> ConfigError | None:
    # Imported here: when all is cached, as it mostly is, nobody pays for them.
    from kronkers_batch.runtimes.probing import probe
    from kronkers_batch.steps.prepare import feature_columns
    from kronkers_batch.steps.workers import walls, worker_spec_for

    sandbox, around = config.executor.sandbox, walls(places, model.department)
    try:
        probe(worker_spec_for(model, feature_columns(model), sandbox, around))
    except ConfigError as error:
        what = f"{error.what} ({error.where})" if error.where else error.what
        return ConfigError(what, where=str(_environment(model)), fix=error.fix)
    except MissingPart:
        raise
    except ModelError as error:
        return ConfigError(error.what, where=str(model.model.origin), fix=error.fix)
    return None


def _environment(model: ModelSpec) -> Origin:
    """The line that declares the model's environment."""
    keys = [key for key in model.origins if key == "environment" or key.startswith("environment.")]
    return model.origins[max(keys, key=len)] if keys else model.origin


def _key(model: ModelSpec, places: Places) -> str:
    code = code_of(model, places) if isinstance(model.model, CodeFile) else repr(model.model)
    environment = repr(model.environment), fingerprint_of(model.language, model.environment)
    return digest(str(model.language), code, *environment)
