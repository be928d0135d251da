"""The fixture ``world``: a new warehouse and its project, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kronkers_batch.pipeline.definitions import define
from tests.rules.world import MODEL, World


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After its first run, which trained nothing: making keys and reading code takes longest."""
    folder = tmp_path_factory.mktemp("rules")
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, folder)
        World.make(folder)
        world = World(folder)
        define(world.services, world.services.model(MODEL))
        world.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and the environment of who made it."""
    shutil.copytree(made, tmp_path / "company")
    at_home(monkeypatch, tmp_path / "company")
    return tmp_path / "company"


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    world = World(folder)
    yield world
    world.close()


def at_home(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("KRONKERS_KEY", "KRONKERS_TRUST", "KRONKERS_KEY_FILE", "KRONKERS_PASSPHRASE"):
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(folder / "home"))
