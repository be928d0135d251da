"""What the champion gives the rows of a holdout, or why it gives nothing."""

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Estimator, Origin, OutputColumn
from kronkers_batch.declared.declaration import declaration
from kronkers_batch.errors import AccessRefused, ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline import stability
from kronkers_batch.pipeline.measuring import NO_CHAMPION
from kronkers_batch.pipeline.prepare import TrainingData
from tests.model_support import declared

F = ColumnType.FLOAT
ROWS = pl.DataFrame({"x": [1.0, 2.0, 3.0]})
DATA = TrainingData(ROWS, ROWS, 0, ())
MODEL = replace(
    declared(
        LANGUAGES["python"], (Column("x", F),), ("odd",), task=TASKS["anomaly"], target="", target_type=None
    ),
    model=Estimator("sklearn.ensemble.IsolationForest", {}, "", Origin("f", 1, "")),
)


class Pool:
    """Workers that score as they are told, or cannot be opened."""

    def __init__(self, gives):
        self.gives = gives

    @contextmanager
    def use(self, key, opened):
        assert key == "id"
        if isinstance(self.gives, Exception):
            raise self.gives
        yield SimpleNamespace(score_stream=lambda chunks: (self.gives for _ in chunks))


def found(gives=None, features=("x",), **then):
    trained = SimpleNamespace(
        declaration=declaration(replace(MODEL, **then), None),
        features=Schema(tuple(Column(n, F) for n in features)),
    )
    champion = SimpleNamespace(id="id", ref="m@1", training=trained)
    services = SimpleNamespace(workers=Pool(gives))
    return stability.champion_scores(services, MODEL, champion, DATA)


def outputs(**kinds):
    return {"output_columns": tuple(OutputColumn(name, kind) for name, kind in kinds.items())}


def test_a_champion_gives_scores_in_the_sense_of_the_new_version():
    given = pl.DataFrame({"odd": [1.0, None, 3.0], "other": [7.0, 8, 9]})
    assert found(given).scores == pytest.approx([1, float("nan"), 3], nan_ok=True)
    assert found(given, goal=Goal(higher_is="less_odd")).scores == pytest.approx(
        [-1, float("nan"), -3], nan_ok=True
    )
    assert found(given, **outputs(other=F, odd=F)).scores[2] == 3
    assert found(given, **outputs(other=F, why=ColumnType.STRING)).scores[2] == 9
    assert stability.champion_scores(None, MODEL, None, DATA) is NO_CHAMPION


def test_a_champion_that_gives_nothing_says_why():
    for gives, then, why in (
        (None, {"task": TASKS["clusters"]}, "is of the task clusters"),
        (None, {"task": TASKS["binary"]}, "is of the task binary"),
        (None, outputs(a=F, b=F), "has no output column that stands for the measured one"),
        (None, {"features": ("x", "gone")}, "needs gone, which the source no longer has"),
        (
            ScoreFailed("no longer scores", where="w", fix="f"),
            {},
            "cannot score these rows: no longer scores",
        ),
    ):
        beside = found(gives, **then)
        assert (beside.ref, beside.scores, beside.why) == ("m@1", None, why)
    with pytest.raises(AccessRefused):
        found(AccessRefused("not signed"))
