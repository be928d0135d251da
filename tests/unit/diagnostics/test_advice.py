"""What ``kronkers check`` warns of."""

from dataclasses import replace
from pathlib import Path

import pytest

from kronkers_batch.config.load import load
from kronkers_batch.config.spec import Environment, Origin, Threshold
from kronkers_batch.diagnostics.advice import warnings
from kronkers_batch.learning import TASKS
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


@pytest.mark.parametrize(
    ("name", "low", "high", "missing"),
    [
        ("rmse", 1.0, None, "max"),
        ("rmse", None, 1.0, ""),
        ("auc", None, 0.9, "min"),
        ("auc", 0.7, None, ""),
        ("bias", None, 5.0, "min"),
        ("bias", -5.0, None, "max"),
        ("bias", -5.0, 5.0, ""),
        ("base_rate", 0.1, None, ""),
    ],
)
def test_a_threshold_that_stops_no_bad_version(
    tmp_path: Path, name: str, low: float | None, high: float | None, missing: str
) -> None:
    config = load(make(tmp_path), (), ENVIRON)
    threshold = Threshold(name, low, high, Origin("conf/model/late.yaml", 3, f"thresholds.training.{name}"))
    task = next(task for task in TASKS.values() if name in task.ranges(task.example))
    spec = replace(config.models["late"], task=task, training_thresholds=(threshold,))
    said = list(warnings(replace(config, models={"late": spec})))
    assert len(said) == bool(missing)
    for line in said:
        assert f"conf/model/late.yaml:3: thresholds.training.{name}: {name} has no {missing}, so" in line
