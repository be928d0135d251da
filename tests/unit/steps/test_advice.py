"""What ``kronkers check`` warns of."""

from dataclasses import replace
from pathlib import Path

import pytest

from kronkers_batch.config.load import load
from kronkers_batch.config.spec import Environment
from kronkers_batch.steps.advice import warnings
from tests.config_project import ENVIRON, make


@pytest.mark.parametrize(
    ("model", "key", "lock", "how"),
    [
        ("late", "venv", "requirements.txt", "bin/pip freeze > "),
        ("late", "venv", "uv.lock", "bin/pip freeze > "),
        ("air_time", "library", "renv.lock", "renv::snapshot("),
    ],
)
def test_an_environment_without_a_lock_file(
    tmp_path: Path, model: str, key: str, lock: str, how: str
) -> None:
    config = load(make(tmp_path), (), ENVIRON)
    assert list(warnings(config)) == []  # the machine's own environments have none, and need none
    place = tmp_path / "env" / "own"
    spec = replace(config.models[model], environment=Environment(**{key: str(place)}))
    config = replace(config, models={**config.models, model: spec})
    (said,) = warnings(config)
    assert "has no lock file" in said
    assert how in said
    assert str(tmp_path / "env") in said
    place.mkdir(parents=True)
    (place.parent / lock).touch()
    assert list(warnings(config)) == []
