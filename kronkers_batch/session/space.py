"""The folders that a run writes to: whether it may, and how much room is left there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.databases import file_of
from kronkers_batch.config.root_spec import Config
from kronkers_batch.store import faults

LITTLE = 2**30
"""Bytes; with less room a night of a few million rows may not end."""


@dataclass(frozen=True)
class Room:
    """A folder, or the nearest one above it that is there; ``problem`` is empty where it can be written."""

    name: str
    folder: Path
    free: int
    problem: str
    fix: str


def rooms(config: Config) -> Iterator[Room]:
    """The home folder, and where the database and the artifacts lie on this machine."""
    seen: set[Path] = set()
    for name, path in _declared(config):
        folder = nearest(path)
        if folder not in seen:
            seen.add(folder)
            yield examined(name, folder)


def _declared(config: Config) -> Iterator[tuple[str, Path]]:
    yield "home folder", Path(os.path.realpath(config.home))
    if database := file_of(config.warehouse.url.reveal()):
        yield "database's folder", Path(database).parent
    artifacts = config.warehouse.artifacts.removeprefix("file://")
    if artifacts and "://" not in artifacts:
        yield "artifacts' folder", Path(os.path.realpath(artifacts))


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(above for above in (path, *path.parents) if above.is_dir())


def examined(name: str, folder: Path) -> Room:
    """Tries to write there."""
    free = shutil.disk_usage(folder).free
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        problem = faults.from_system(error, str(folder))
        return Room(name, folder, free, problem.what, problem.fix)
    return Room(name, folder, free, "", "")
