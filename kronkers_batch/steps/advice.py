"""What is no error in a configuration, and yet worth a warning of ``kronkers check``."""

from __future__ import annotations

from collections.abc import Iterator

from kronkers_batch.config.spec import Config
from kronkers_batch.runtimes.languages.base import builder
from kronkers_batch.steps.workers import environment_at


def warnings(config: Config) -> Iterator[str]:
    """One line each, with file, line, key and what to do."""
    known = set()
    for model in config.models.values():
        environment = (model.language, model.environment)
        if environment in known or not model.enabled:
            continue
        known.add(environment)
        if how := builder(model.language).unlocked(model.environment):
            yield (
                f"{environment_at(model)}: this environment has no lock file, so a package that is installed "
                f"anew trains nothing; golden rows alone tell that it changed\n  -> {how}"
            )
