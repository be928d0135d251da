"""A model's own environment, made here without a registry: its packages, their versions, its lock file."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import ModelError
from kronkers_batch.runtimes import environment_fingerprint

ROWS = pl.DataFrame({"x": [1.0, 2.0]})


@pytest.fixture
def own(lab, monkeypatch) -> Environment:
    """With the package `kbown` 1.2.3, reached over links or a path outside of it."""
    folder = lab.folder / "own"
    folder.mkdir(mode=0o755)
    environment, variables = lab.models.own_environment(folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return environment


def test_its_packages_are_its_own(lab, fitted, own):
    with pytest.raises(ModelError, match="kbown"):
        _ = lab.start("own_package", data="numpy").info
    worker = fitted("own_package", environment=own, data="numpy")
    assert worker.score(ROWS)["score"].to_list() == [42.0, 42.0]
    assert worker.info.packages["kbown"] == "1.2.3"
    if hasattr(lab.models, "OTHER_NUMPY"):
        assert worker.info.packages["numpy"] == lab.models.OTHER_NUMPY


def test_it_can_be_read_but_not_changed(lab, fitted, own):
    new = lab.folder / "own" / "cache" / "new"
    worker = fitted("write_file", environment=own, data="numpy", parameters={"paths": [str(new)]})
    assert worker.score(ROWS.head(1))["score"].to_list() == [0.0]
    assert not new.exists()


def test_its_lock_file_is_its_fingerprint(lab, own):
    first = environment_fingerprint(lab.language, own)
    assert first == environment_fingerprint(lab.language, own) != ""
    lock = lab.folder / "own" / lab.models.LOCK
    lock.write_text(lock.read_text() + "\n")
    assert environment_fingerprint(lab.language, own) != first
