"""What a model runs with, as its version records it: the language, packages, files of packages by path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.runtimes.contents import contents_by_path
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    from kronkers_batch.runtimes.model_worker import Worker

PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
"""A package's name. A worker says them, and could say rows in their place: what else it says is not shown."""
MOST_NAMED = 10
"""Packages that a message names."""
BY_PATH = "path:"
"""Before the name of a package that is installed by path; its value is a digest of its files."""


def runtime_of(services: Services, model: ModelSpec, worker: Worker) -> dict[str, str]:
    """The runtime of a worker that has a model loaded.

    Raises:
        MissingPart, ConfigError: As :func:`~kronkers_batch.runtimes.contents.contents_by_path`.
    """
    info = worker.info
    files = {BY_PATH + name: digest for name, digest in by_path(services, model).items()}
    # The worker names its packages: none of them passes for the language, or for files that were looked at.
    loaded = {name: said for name, said in info.packages.items() if not name.startswith(BY_PATH)}
    return {**loaded, **files, "language": str(model.language), "version": info.version}


def by_path(services: Services, model: ModelSpec) -> dict[str, str]:
    """Digests of the packages that the model's environment has by path; worked out once a run."""
    key, known = (model.language, repr(model.environment)), services.run.by_path
    if key not in known:
        known[key] = contents_by_path(model.language, model.environment, services.cache)
    return known[key]
