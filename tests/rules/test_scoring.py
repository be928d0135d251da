"""How a date is scored"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.spec import CheckSpec, OnFailure, OutputColumn, RowsPolicy
from kronkers_batch.declared.declaration import as_trained, declaration, read_code
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import scoring_window
from kronkers_batch.errors import CheckFailed, DataError, ModelError, SourceError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.pipeline.fitting import open_trainer
from kronkers_batch.pipeline.golden import packed, same_scores, spread, unpacked
from kronkers_batch.pipeline.ingest import freeze, owner
from kronkers_batch.pipeline.score import Scored, score, scoring_workers
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.runtimes.model_worker import Worker
from tests.rules.conftest import at_home
from tests.rules.world import DAY, HERE, MODEL, World, after, offers, threshold

SCORE = "\n\ndef fit(data, params):\n    return 1.0\n\n\ndef score(model, data):\n    return "
SUM = "import numpy as np" + SCORE + 'data["x"] + model'
COUNT = "import numpy as np" + SCORE + 'np.full(len(data["x"]), float(len(data["x"])))'
OWN = "\nOWN = float(np.random.default_rng().integers(2**40))"  # of each process another number
PROCESS = "import numpy as np" + OWN + SCORE + 'np.full(len(data["x"]), OWN)'
NAMES = "import numpy as np" + SCORE + 'np.full(len(data["x"]), float(len(list(data.keys()))))'
MANY = 2_500  # rows of a date: more than two chunks of 1,024


@pytest.fixture(scope="session")
def artifact(made: Path) -> bytes:
    """What a process of its own saved after a fit: the number 1.0."""
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, made)
        world = World(made)
        (made / "models/price/model.py").write_text(SUM)
        with open_trainer(world.services, world.services.model(MODEL)) as worker:
            worker.fit([offers().select(pl.col("x"), pl.col("n").cast(pl.Float64), pl.col("y"))])
            saved = worker.save()
        world.close()
    return saved


class Night:
    """A world with a champion of real contents, which scores."""

    def __init__(self, world: World, artifact: bytes) -> None:
        self.world, self._artifact = world, artifact

    def champion(self, code: str = SUM, told: Mapping[str, Any] | None = None, **fields: Any) -> ModelVersion:
        services = self.world.services
        model = services.model(MODEL)
        declared = {**declaration(model, read_code(services, model)), "code": code, **(told or {})}
        return self.world.version(champion=True, artifact=self._artifact, declaration=declared, **fields)

    def score(self, version: ModelVersion, **changes: Any) -> Scored:
        services, model = self.world.services, self.world.spec(**changes)
        window = scoring_window(model, source_of(services, model.source), DAY)
        identity, _ = freeze(services, model.source, window, owner(services, model))
        return score(services, model, DAY, version, f"of {version.id}", identity)

    def scores(self, version: ModelVersion, **changes: Any) -> pl.DataFrame:
        done = self.score(version, **changes)
        return pl.concat(self.world.services.warehouse.rows.read(MODEL, DAY, version=done.output.number))

    def opened(self, version: ModelVersion) -> int:
        """How many processes got this version: the ledger has a line for each."""
        services = self.world.services
        with services.db.read() as connection:
            lines = services.ledger.entries(connection, subject=version.ref)
            return sum(line.action == "open" for line in lines)

    def open(self, version: ModelVersion) -> Worker:
        model = as_trained(self.world.services.model(MODEL), version)
        return open_champion(self.world.services, model, version)


@pytest.fixture
def night(artifact: bytes, world: World) -> Night:
    return Night(world, artifact)


def rows(count: int) -> pl.DataFrame:
    """So many rows of the date."""
    frame = pl.concat([offers(days=1, rows=count)])
    at = pl.lit(DAY).cast(pl.Datetime("us"))
    return frame.with_columns(at=at)


def test_each_row_gets_its_score(night: Night):
    """Each row of the window gets one score, beside its key, in the source's order."""
    night.world.rows(rows(MANY))
    found = night.scores(night.champion())
    assert found["id"].to_list() == list(range(MANY))
    assert found["score"].to_list() == [float(i % 7) + 1 for i in range(MANY)]


def test_keys_are_not_shown_to_the_model(night: Night):
    """A model sees only its features: neither keys nor the target."""
    assert set(night.scores(night.champion(NAMES))["score"]) == {2.0}


def test_independent_rows_are_scored_in_chunks(night: Night):
    """A model is scored in chunks of the executor's size."""
    night.world.rows(rows(MANY))
    assert set(night.scores(night.champion(COUNT))["score"]) == {1024.0, float(MANY - 2048)}


def test_a_whole_is_scored_at_once(night: Night):
    """A model with `rows: whole` gets all rows of its window at once."""
    night.world.rows(rows(MANY))
    version = night.champion(COUNT, {"rows": "whole"})
    assert set(night.scores(version)["score"]) == {float(MANY)}


def test_a_whole_is_scored_by_one_process(night: Night):
    """A model with `rows: whole` is scored by one process, however many `resources.workers` allows."""
    resources = replace(night.world.services.model(MODEL).resources, workers=3)
    model = night.world.spec(resources=resources)
    assert scoring_workers(model) == 3
    assert scoring_workers(replace(model, rows=RowsPolicy.WHOLE)) == 1


def test_many_rows_are_scored_by_several_processes(night: Night):
    """More rows than `executor.piece_rows` are scored by `resources.workers` processes, fewer rows by one
    process.
    """
    resources = replace(night.world.services.model(MODEL).resources, workers=2)
    few = night.champion(PROCESS)
    assert night.scores(few, resources=resources)["score"].n_unique() == 1
    assert night.opened(few) == 1
    night.world.rows(rows(MANY))
    many = night.champion(PROCESS, date=after(1), again=True)
    assert night.scores(many, resources=resources)["score"].n_unique() == 2
    assert night.opened(many) == 2


def test_a_version_scores_as_it_was_trained(night: Night):
    """A version scores with the code, parameters and outputs of its training, not with today's."""
    version = night.champion()
    (night.world.folder / "models/price/model.py").write_text(COUNT)
    wide = (OutputColumn("score", ColumnType.FLOAT), OutputColumn("more", ColumnType.FLOAT))
    found = night.scores(version, output_columns=wide, rows=RowsPolicy.WHOLE, parameters={"a": 2})
    assert found.columns == ["id", "score"]
    assert found["score"].to_list() == [float(i % 7) + 1 for i in range(19 * 6, 20 * 6)]


def test_a_column_that_is_gone_is_named(night: Night):
    """If the source lost a column that the champion needs, the error names the column and what to do."""
    features = Schema((Column("x", ColumnType.FLOAT), Column("gone", ColumnType.FLOAT)))
    version = night.champion(features=features)
    with pytest.raises(SourceError, match=f"the champion of {MODEL} needs gone, which offers no longer has"):
        night.score(version)


def test_a_failed_input_check_stops_the_scoring(night: Night):
    """A failed check of a model's input stops the scoring: no output is made."""
    check = CheckSpec("range", ("x",), {"min": 100.0}, OnFailure.FAIL, 0.0, HERE)
    with pytest.raises(CheckFailed, match=r"range\(x\)"):
        night.score(night.champion(), input_checks=(check,))
    assert night.world.services.warehouse.outputs(MODEL) == []


def test_a_failed_output_check_holds(night: Night):
    """An output that fails a check is held: it is stored, and readers do not get it."""
    check = CheckSpec("range", ("score",), {"max": 0.0}, OnFailure.FAIL, 0.0, HERE)
    found = night.score(night.champion(), output_checks=(check,))
    assert not found.published
    assert "range(score)" in found.message()
    assert night.world.services.warehouse.heads(MODEL) == []


def test_a_missed_threshold_holds(night: Night):
    """An output that misses a threshold is held, and the reason names the threshold."""
    found = night.score(night.champion(), output_thresholds=(threshold("rows", 7),))
    assert found.message().startswith(f"{MODEL}/{DAY}#1 held: rows 6 is below 7 ({HERE}) (6 rows)")
    assert night.world.services.warehouse.heads(MODEL) == []


def test_an_integer_beyond_a_floats_is_refused_at_scoring(night: Night):
    """An integer that a float cannot represent exactly is refused at scoring as in training."""
    night.world.rows(rows(3).with_columns(n=2**53 + 1))
    with pytest.raises(DataError, match=r"n has 3 integers beyond 2\^53"):
        night.score(night.champion())


def test_golden_rows_are_spread_over_the_holdout():
    """A version keeps up to twenty evenly spread held-out rows with their scores: its golden rows."""
    features = pl.DataFrame({"x": [float(i) for i in range(210)]})
    rows = spread(features)
    assert rows["x"].to_list() == [float(i) for i in range(0, 200, 10)]
    ((found, scores),) = unpacked(packed([(rows, rows.select(score=pl.col("x") * 2))]))
    assert found.columns == ["x"]
    assert scores.columns == ["score"]
    assert scores["score"].to_list() == [2 * x for x in found["x"]]
    assert spread(features.head(3)).height == 3


def test_scores_are_the_same_to_a_millionth():
    """Scores of golden rows are the same if they differ by at most a relative 1e-6. Scores of golden rows are
    not the same if nulls, NaN, rows or columns differ.
    """
    same = partial(same_scores, pl.DataFrame({"score": [1.0, None, float("nan")]}))
    assert same(pl.DataFrame({"score": [1 + 1e-7, None, float("nan")]}))
    for other in ([1 + 1e-5, None, float("nan")], [1.0, 0.0, float("nan")], [1.0, None], [1.0, None, None]):
        assert not same(pl.DataFrame({"score": other}, schema={"score": pl.Float64}))
    assert not same(pl.DataFrame({"other": [1.0, None, float("nan")]}))


def test_a_version_is_proven_at_each_opening(night: Night):
    """Each time a version is opened, its golden rows are scored. A version does not score if its golden rows
    have other scores than at its training.
    """
    features = pl.DataFrame({"x": [1.0, 2.0], "n": [0.0, 0.0]})
    right, wrong = (packed([(features, pl.DataFrame({"score": s}))]) for s in ([2.0, 3.0], [2.0, 3.5]))
    night.open(night.champion(golden=right)).close()
    with pytest.raises(ModelError, match="no longer gives its golden rows the scores that they had"):
        night.open(night.champion(golden=wrong, date=after(1), again=True))


def test_what_the_champion_knows_is_no_forecast(night: Night):
    """If the champion was trained on rows of the date that it scores, the run reports this, and the output's
    record keeps it.
    """
    said = {}  # DAY is the 20th
    for first, last in [(8, 18), (10, 20), (10, 21), (21, 30), (None, 25)]:
        start, end = (day and f"2024-01-{day:02}T00:00:00+00:00" for day in (first, last))
        done = night.score(night.champion(window={"start": start, "end": end}))
        said[first, last] = "this date's among them: its scores are no forecasts" in done.message()
        assert ("no forecasts" in done.output.lineage.get("proof", "")) == said[first, last]
    assert [window for window, told in said.items() if told] == [(10, 21), (None, 25)]


def test_scores_that_are_none_are_told(night: Night):
    """The run's line about a published output counts the rows whose score is null, NaN or infinite."""
    assert "published (6 rows)" in night.score(night.champion()).message()
    code = (
        "import numpy as np" + SCORE + 'np.where(data["n"] < 1, np.inf, np.where(data["n"] < 2, np.nan, 0.0))'
    )
    count = offers().filter(pl.col("at").dt.date() == DAY, pl.col("n") < 2).height
    assert count > 0
    told = night.score(night.champion(code=code)).message()
    assert f"published (6 rows, {count} of them null, NaN or infinite)" in told


def test_a_source_that_is_declared_otherwise_is_told(night: Night):
    """If a champion scores a source whose declaration changed since its training, the run reports this."""
    version = night.champion()
    assert "otherwise" not in night.score(version).message()
    (key,) = [key for key in version.training.definition if key.endswith(".time_column")]
    for name, told in [(key, True), ("source.another.query", True), ("parameters.a", False)]:
        definition = {**version.training.definition, name: "another"}
        again = night.champion()
        then = replace(again, training=replace(again.training, definition=definition))
        done = night.score(then)
        said = f"was trained on a source that is declared otherwise now ({name}): its scores"
        assert (said in done.message()) == told
