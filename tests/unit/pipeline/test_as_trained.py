"""A version scores as it was declared when it was trained, whatever the file says today."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import CheckSpec, Estimator, ModelSpec, OnFailure, Origin
from kronkers_batch.declared.declaration import as_trained, declaration
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.score import _refuse_absent
from kronkers_batch.registry.training import ModelVersion
from tests.model_support import declared
from tests.warehouse_support import training

X = (Column("x", ColumnType.FLOAT),)
ESTIMATOR = Estimator("sklearn.dummy.DummyClassifier", {}, "", Origin("conf/model/m.yaml", 1, "estimator"))


def version_of(model: ModelSpec, without: str = "") -> ModelVersion:
    """A version of a model, as the database keeps it; an older release did not keep one of the keys."""
    kept = json.loads(json.dumps(declaration(model, None)))
    kept.pop(without, None)
    return ModelVersion("v1", "late", 1, 0, "p", training(declaration=kept))


def test_it_keeps_its_classes_and_loss() -> None:
    goal = Goal(classes=("a", "b", "c"), ordered=True, loss="ranked")
    then = declared(LANGUAGES["python"], X, model=ESTIMATOR, task=TASKS["multiclass"], goal=goal)
    today = replace(then, goal=Goal(classes=("a", "b", "d")))
    assert as_trained(today, version_of(then)).goal == goal


def test_it_keeps_its_levels_of_quantiles_and_how_they_were_fitted() -> None:
    goal, own = Goal(quantiles=(0.1, 0.9)), replace(ESTIMATOR, per_quantile="quantile")
    then = declared(LANGUAGES["python"], X, model=own, task=TASKS["quantiles"], goal=goal)
    today = replace(then, goal=Goal(quantiles=(0.5,)), model=ESTIMATOR)
    found = as_trained(today, version_of(then))
    assert found.goal == goal
    assert isinstance(found.model, Estimator)
    assert found.model.per_quantile == "quantile"


def test_a_version_of_an_older_release_says_nothing_of_it() -> None:
    then = declared(LANGUAGES["python"], X, model=ESTIMATOR, task=TASKS["binary"], goal=Goal(loss="log"))
    today = replace(then, goal=Goal(positive="Yes"))
    assert as_trained(today, version_of(then, without="goal")).goal == Goal()
    assert "goal" not in declaration(replace(then, goal=Goal()), None)


def test_a_check_on_a_column_that_the_champion_lacks_is_said() -> None:
    """Checks are today's; the champion may give the columns of a former definition."""
    at = Origin("conf/model/m.yaml", 9, "checks.output.0")
    check = CheckSpec("range", ("probability.car",), {"min": 0}, OnFailure.FAIL, 0.0, at)
    model = declared(LANGUAGES["python"], X, model=ESTIMATOR, output_checks=(check,))
    schema = Schema((Column("id", ColumnType.INTEGER), Column("probability.home", ColumnType.FLOAT)))
    with pytest.raises(ModelError, match=r"late@1 gives no output column probability\.car") as error:
        _refuse_absent(model, version_of(model), schema)
    assert error.value.where == str(at)
    _refuse_absent(model, version_of(model), Schema((Column("probability.car", ColumnType.FLOAT),)))
