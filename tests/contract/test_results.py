"""What a model gives: fit, scores, streams, storing, seeds, declared estimators, normalised code."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, OutputColumn, Unseen
from kronkers_batch.errors import DataError, FitFailed, ModelError, ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType

pytestmark = pytest.mark.usefixtures("in_turn")


def training(*chunks):
    return [pl.DataFrame({"x": [float(v) for v in chunk], "y": [2.0 * v for v in chunk]}) for chunk in chunks]


def xs(*values):
    return pl.DataFrame({"x": [float(v) for v in values]})


def test_chunks_of_training_data_are_joined_in_order(lab):
    worker = lab.start("mean")
    worker.fit(iter(training([1, 2], [], [3, 4, 5])))
    assert worker.score(xs(0, 1))["score"].to_list() == [6.0, 7.0]


def test_it_says_who_it_is(lab):
    worker = lab.start("mean", own=True)
    assert worker.info.language == lab.language.name
    assert worker.info.version.count(".") >= 1
    assert worker.info.sandboxed
    worker.fit(training([1, 2]))
    assert all(isinstance(k, str) and isinstance(v, str) for k, v in worker.info.packages.items())


@pytest.mark.parametrize("case", ["mean", "own_storage"])
def test_a_stored_model_gives_identical_scores(lab, case):
    worker = lab.start(case)
    worker.fit(training([1, 2, 4]))
    before, artifact = worker.score(xs(0.1, 0.2)), worker.save()
    if case == "own_storage":
        assert artifact.startswith(b"own:")
    other = lab.start(case, target=None)
    other.load(artifact)
    assert other.score(xs(0.1, 0.2)).equals(before)


def test_a_broken_artifact_is_an_error_and_the_worker_goes_on(lab):
    worker = lab.start("mean")
    with pytest.raises(ModelError, match="load failed"):
        worker.load(b"no model of any language")
    worker.fit(training([1]))
    assert worker.score(xs(1))["score"].to_list() == [3.0]


def test_the_seed_is_set_before_every_fit(lab):
    worker = lab.start("random")
    scores = []
    for _ in range(2):
        worker.fit(training([1]))
        scores.append(worker.score(xs(0))["score"][0])
    other = lab.start("random", seed=8)
    other.fit(training([1]))
    assert scores[0] == scores[1] != other.score(xs(0))["score"][0]


def test_parameters_arrive_with_their_types(lab, fitted):
    nested = [1, {"a": "b c", "n": None, "t": True}]
    worker = fitted("parameters", parameters={"factor": 2.5, "nested": nested, "empty": [], "none": {}})
    assert worker.score(xs(2))["score"].to_list() == [5.0]


def test_special_values_come_through(lab, fitted):
    got = fitted("special").score(xs(1, 2, 3, 4, 5))["score"]
    assert got.is_nan().to_list() == [True, False, False, None, False]
    assert got.to_list()[1:] == [float("inf"), float("-inf"), None, 5.0]


def test_a_stream_keeps_order_and_permuted_rows_score_the_same(lab):
    worker = lab.start("mean")
    worker.fit(training([1, 2]))
    rows = pl.select(x=pl.int_range(10_000).cast(pl.Float64))
    whole = worker.score(rows)["score"]
    for size in (1_000, 3_333):
        chunks = (rows[i : i + size] for i in range(0, 10_000, size))
        assert pl.concat(worker.score_stream(chunks))["score"].equals(whole)
    shuffled = rows.with_row_index().sample(fraction=1, shuffle=True, seed=1)
    again = shuffled.with_columns(worker.score(shuffled.select("x"))).sort("index")["score"]
    assert again.equals(whole)
    assert list(worker.score_stream([])) == []


def test_a_stream_that_is_left_or_fails_does_not_disturb_the_next_command(lab, fitted):
    features = (Column("s", ColumnType.STRING), Column("x", ColumnType.FLOAT))
    worker = fitted("raise_score", features=features)

    def rows(*values):
        return pl.DataFrame({"s": ["a"] * len(values), "x": [float(v) for v in values]})

    stream = worker.score_stream(rows(i) for i in range(10))
    assert next(stream)["score"].to_list() == [0.0]
    stream.close()
    got = []
    with pytest.raises(ScoreFailed):
        got += worker.score_stream([rows(1), rows(2), rows(-1), rows(3), rows(4)])
    assert worker.score(rows(7))["score"].to_list() == [7.0]

    def breaking():
        yield rows(1)
        yield rows(2)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(worker.score_stream(breaking()))
    assert worker.score(rows(8))["score"].to_list() == [8.0]


def test_a_stream_with_an_unseen_level_gives_what_came_before_and_then_the_error(lab, fitted):
    outputs = (OutputColumn("code", ColumnType.INT32), OutputColumn("levels", ColumnType.FLOAT))
    features = (Column("c", ColumnType.CATEGORY, ("a",)),)
    worker = fitted("levels", features=features, outputs=outputs, unseen=Unseen.ERROR)
    good, bad = pl.DataFrame({"c": ["a"]}), pl.DataFrame({"c": ["new"]})
    stream = worker.score_stream([good, bad, good])
    assert next(stream)["code"].to_list() == [1]
    with pytest.raises(DataError):
        next(stream)
    assert worker.score(good)["code"].to_list() == [1]


@pytest.mark.parametrize("case", ["short", "more", "texts", "none", "other_columns"])
def test_wrong_predictions_are_refused(lab, fitted, case):
    worker = fitted(case)
    with pytest.raises(ScoreFailed) as error:
        worker.score(xs(1, 2, 3))
    assert error.value.fix


def test_a_declared_estimator_needs_no_code(lab):
    environment = getattr(lab.models, "ESTIMATOR_ENVIRONMENT", Environment())
    changes = {"model": lab.models.ESTIMATOR, "data": "pandas", "environment": environment}
    worker = lab.start("estimator", **changes)
    worker.fit(training([1, 2], [3, 4]))
    assert worker.score(xs(10, 20))["score"].to_list() == pytest.approx([20.0, 40.0])
    other = lab.start("estimator", **changes, target=None)
    other.load(worker.save())
    assert other.score(xs(10, 20)).equals(worker.score(xs(10, 20)))


def test_probing_finds_what_cannot_be_loaded(lab):
    runtimes.probe(lab.spec("mean"))
    for case in ("syntax", "incomplete"):
        with pytest.raises(ModelError) as error:
            runtimes.probe(lab.spec(case))
        assert "model" + lab.models.SUFFIX in error.value.where
    with pytest.raises(ModelError):
        runtimes.probe(lab.spec("estimator", model=lab.models.MISSING_ESTIMATOR))


def test_a_fit_that_gives_nothing_is_refused(lab):
    with pytest.raises(FitFailed):
        lab.start("nothing").fit(training([1]))


def test_layout_and_comments_do_not_count(lab):
    def normal(code):
        return runtimes.normalise_code(lab.language, Environment(), code, SandboxPolicy.REQUIRE)

    one, same = map(normal, lab.models.EQUAL_CODE)
    assert one == same != normal(lab.models.OTHER_CODE)
    with pytest.raises(ModelError):
        normal(lab.models.BROKEN_CODE)
