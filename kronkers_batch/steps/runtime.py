"""What a model runs with, as its version records it: the language, packages, files of packages by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.runtimes.contents import contents_by_path
from kronkers_batch.steps.services import Services

if TYPE_CHECKING:
    from kronkers_batch.runtimes.worker import Worker

BY_PATH = "path:"
"""Before the name of a package that is installed by path; its value is a digest of its files."""


def runtime_of(services: Services, model: ModelSpec, worker: Worker) -> dict[str, str]:
    """The runtime of a worker that has a model loaded.

    Raises:
        MissingPart, ConfigError: As :func:`~kronkers_batch.runtimes.contents.contents_by_path`.
    """
    info = worker.info
    files = {BY_PATH + name: digest for name, digest in by_path(services, model).items()}
    return {"language": str(model.language), "version": info.version, **info.packages, **files}


def by_path(services: Services, model: ModelSpec) -> dict[str, str]:
    """Digests of the packages that the model's environment has by path; worked out once a process."""
    key = ("by path", str(model.language), repr(model.environment))
    known = services.memo.get(key)
    if not isinstance(known, dict):
        known = services.memo[key] = contents_by_path(model.language, model.environment, services.cache)
    return known
