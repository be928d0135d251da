"""What a model is trained and measured on"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.load import load
from kronkers_batch.config.spec import CheckSpec, Feature, InputRef, ModelSpec, OnFailure
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import days, holdout_start, scoring_window, training_window
from kronkers_batch.errors import CheckFailed, ConfigErrors, DataError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.prepare import TrainingData, training_data, with_levels
from kronkers_batch.session.services import midnight
from tests.config_project import ENVIRON, FILES, make
from tests.rules.world import DAY, HERE, MODEL, READER, World, offers

STILL = InputRef(source="still")
LIMIT = 2**53


def data(world: World, date: dt.date = DAY, **changes: Any) -> TrainingData:
    """What the model, with these changes, is trained and measured on as of a date."""
    model = world.spec(**changes)
    source = source_of(world.services, model.source)
    snapshot = ingest(world.services, model, training_window(model, source, date))
    return training_data(world.services, model, source, snapshot)


def windows(model: ModelSpec, **days: float) -> Any:
    return replace(model.windows, **{name: dt.timedelta(days=count) for name, count in days.items()})


def day(number: int) -> dt.datetime:
    return midnight(dt.date(2024, 1, number))


def check(action: OnFailure, up_to: float = 0.0) -> CheckSpec:
    return CheckSpec("range", ("x",), {"min": 1.0}, action, up_to, HERE)


def test_the_training_window_ends_before_labels_are_late(world: World):
    """A training for D reads `window.train` of rows, up to `label_delay` before D."""
    model = world.services.model(MODEL)
    source = world.services.config.sources["offers"]
    assert training_window(model, source, DAY) == Window(day(8), day(18))
    all_of_it = replace(model, windows=windows(model, train=0))
    assert training_window(all_of_it, source, DAY) == Window(None, day(18))


def test_the_holdout_is_the_windows_end(world: World):
    """The last `window.holdout` of the training window is used to measure the model, and not to fit it."""
    model = world.services.model(MODEL)
    assert holdout_start(model, Window(day(8), day(18))) == day(15)
    found = data(world)
    assert (found.fit.height, found.holdout.height) == (7 * 6, 3 * 6)
    assert found.holdout["x"].to_list() == [float(i % 7) for i in range(14 * 6, 17 * 6)]


def test_the_scoring_window_begins_with_the_date(world: World):
    """A scoring of D reads rows from D on, for `window.score`."""
    model, source = world.services.model(MODEL), world.services.config.sources["offers"]
    assert scoring_window(model, source, DAY) == Window(day(20), day(21))
    assert scoring_window(replace(model, windows=windows(model, score=2)), source, DAY) == Window(
        day(20), day(22)
    )


def test_a_window_of_days_counts_each_that_it_touches():
    """A window over another model's outputs needs each day that it touches. A window over another model's
    outputs does not need the day that begins at its end.
    """
    assert list(days(Window(day(8), day(10)))) == [dt.date(2024, 1, 8), dt.date(2024, 1, 9)]
    half = Window(day(8) + dt.timedelta(hours=12), day(9) + dt.timedelta(hours=1))
    assert list(days(half)) == [dt.date(2024, 1, 8), dt.date(2024, 1, 9)]
    assert list(days(Window(None, day(10)))) == []


def test_a_source_without_time_is_read_whole(world: World):
    """A source without a time column is read whole, for training and for scoring."""
    model, source = world.services.model(MODEL), world.services.config.sources["still"]
    assert training_window(model, source, DAY) == scoring_window(model, source, DAY) == Window(None, None)
    reader = world.services.model(READER)  # an output has dates, though no column of time
    assert scoring_window(reader, source_of(world.services, reader.source), DAY) == Window(day(20), day(21))


def test_without_time_a_share_is_held_out(world: World):
    """Without a time column `holdout_share` of the rows is held out, spread over all of them."""
    world.rows(offers(days=200))
    model = world.services.model(MODEL)
    found = data(world, source=STILL, windows=replace(model.windows, holdout_share=0.25))
    assert found.fit.height + found.holdout.height == 1_200
    assert found.holdout.height == pytest.approx(300, abs=12)


def test_the_same_rows_are_held_out_each_time(world: World):
    """Without a time column the same rows are held out each time, and others under another seed."""
    one, same, other = (data(world, source=STILL, seed=seed).holdout for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_a_group_is_held_out_as_a_whole(world: World):
    """With `holdout_by` whole groups are held out: no group is on both sides. A row must have a group."""
    world.rows(offers(days=24, rows=40).with_columns(n=pl.col("id") % 150))
    model = world.services.model(MODEL)
    features = (Feature("n", ColumnType.INTEGER, model.features[0].origin),)
    by_group = replace(model.windows, holdout_by="n", holdout_share=0.3)

    def sides(seed: int) -> tuple[set[int], set[int]]:
        found = data(world, features=features, windows=by_group, seed=seed)
        assert found.fit.height + found.holdout.height == 10 * 40
        return set(found.fit["n"]), set(found.holdout["n"])

    fit, held = sides(1)
    assert not fit & held
    assert len(held) == pytest.approx(0.3 * 150, abs=15)
    assert sides(1) == (fit, held)
    assert sides(2) != (fit, held)
    world.rows(offers().with_columns(n=pl.when(pl.col("id") % 9 > 0).then("n")))
    with pytest.raises(DataError, match="rows have no n, by which whole groups are held out"):
        data(world, features=features, windows=by_group)


def test_rows_without_a_target_are_left_out(world: World):
    """Rows whose target is null are counted, and not used to fit or to measure."""
    frame = offers().with_columns(y=pl.when(pl.col("id") % 4 > 0).then("y"))
    world.rows(frame)
    found = data(world)
    assert found.fit["y"].null_count() == found.holdout["y"].null_count() == 0
    assert found.unlabelled == 15
    assert found.fit.height + found.holdout.height + found.unlabelled == 60


def test_there_must_be_rows_to_fit_and_to_measure(world: World):
    """A training without rows to fit on, or without rows to measure on, is refused."""
    world.rows(offers().with_columns(y=pl.when(pl.col("at") < day(15).replace(tzinfo=None)).then("y")))
    with pytest.raises(DataError, match="the holdout part of the training window has no rows"):
        data(world)
    world.rows(offers().with_columns(y=pl.when(pl.col("at") >= day(15).replace(tzinfo=None)).then("y")))
    with pytest.raises(DataError, match="the fit part of the training window has no rows"):
        data(world)


def test_more_rows_than_declared_are_refused(world: World):
    """More rows than `resources.training_rows` are refused before a worker gets a row.
    `resources.training_rows` is inclusive.
    """
    resources = world.services.model(MODEL).resources
    with pytest.raises(DataError, match="has 60 rows, more than the declared 59"):
        data(world, resources=replace(resources, training_rows=59))
    assert data(world, resources=replace(resources, training_rows=60)).fit.height == 42


def test_a_failed_input_check_stops_the_training(world: World):
    """A failed check of a model's input stops its training. A check that drops removes the failing rows."""
    with pytest.raises(CheckFailed, match=r"range\(x\)"):
        data(world, input_checks=(check(OnFailure.FAIL),))
    found = data(world, input_checks=(check(OnFailure.DROP, 0.5),))
    assert found.fit.height + found.holdout.height == 51
    assert min(found.fit["x"].min(), found.holdout["x"].min()) == 1.0  # type: ignore[type-var]


def test_a_category_has_the_levels_of_the_fitted_rows(world: World):
    """A category has the levels of the fitted rows, in the order of their characters."""
    model = world.spec(features=(Feature("g", ColumnType.CATEGORY, HERE),))
    fit = pl.DataFrame({"g": ["é", "b", None, "C", "b"]})
    assert with_levels(model, fit)["g"].levels == ("C", "b", "é")


def test_a_category_without_levels_is_refused(world: World):
    """A category that is null in every fitted row is refused, because it has no levels."""
    model = world.spec(features=(Feature("g", ColumnType.CATEGORY, HERE),))
    with pytest.raises(DataError, match="g is null in every row of the training window"):
        with_levels(model, pl.DataFrame({"g": [None, None]}, schema={"g": pl.String}))


def test_a_feature_with_nulls_keeps_its_type(world: World):
    """A feature that is declared with `nulls: true`, or has nulls in the fitted rows, has the type that nulls
    need in training and on every night."""
    for declared, here, kept in ((False, 1, False), (False, None, True), (True, 1, True)):
        model = world.spec(features=(Feature("n", ColumnType.INTEGER, HERE, nulls=declared),))
        fit = pl.DataFrame({"n": [7, here]}, schema={"n": pl.Int64})
        assert with_levels(model, fit)["n"].nulls is kept
        assert Schema.from_json(with_levels(model, fit).to_json())["n"].nulls is kept


def test_an_integer_becomes_a_float_only_exactly():
    """An integer that a float cannot represent exactly (below -2^53 or above 2^53) is refused."""
    as_float = Schema((Column("n", ColumnType.FLOAT),))
    exact = as_features(pl.DataFrame({"n": [LIMIT, -LIMIT, None]}), as_float)
    assert exact["n"].to_list() == [float(LIMIT), -float(LIMIT), None]
    for number in (LIMIT + 1, -LIMIT - 1):
        with pytest.raises(DataError, match=r"n has 1 integers beyond 2\^53"):
            as_features(pl.DataFrame({"n": [1, number]}), as_float)
    kept = as_features(pl.DataFrame({"n": [LIMIT + 1]}), Schema((Column("n", ColumnType.INTEGER),)))
    assert kept["n"].to_list() == [LIMIT + 1]


def test_a_value_that_does_not_fit_a_feature_is_refused():
    """A value that does not have the feature's type is refused, and never made null."""
    with pytest.raises(DataError, match="n has values that are not of type integer"):
        as_features(pl.DataFrame({"n": ["1", "a"]}), Schema((Column("n", ColumnType.INTEGER),)))


def test_features_come_as_declared():
    """A model sees its features in their declared order, and no other column."""
    wanted = Schema((Column("b", ColumnType.FLOAT), Column("a", ColumnType.FLOAT)))
    frame = pl.DataFrame({"a": [1.0], "key": [7], "b": [2.0]})
    assert as_features(frame, wanted).columns == ["b", "a"]


def test_declared_levels_are_all_that_a_training_may_have(world: World):
    """A category with declared levels has these, in this order. Another value in a fitted row is an error."""
    at = world.services.model(MODEL).features[0].origin
    model = world.spec(features=(Feature("g", ColumnType.CATEGORY, at, ("b", "a", "z")),))
    assert with_levels(model, pl.DataFrame({"g": ["a", "b", None]}))["g"].levels == ("b", "a", "z")
    with pytest.raises(DataError, match="g is none of its declared levels in 2 of 4 rows"):
        with_levels(model, pl.DataFrame({"g": ["a", "c", "secret", "b"]}))


def test_a_reference_is_the_first_level(world: World):
    """The reference of a category is its first level. It must have rows that are fitted."""
    at = world.services.model(MODEL).features[0].origin
    model = world.spec(features=(Feature("g", ColumnType.CATEGORY, at, (), "9"),))
    assert with_levels(model, pl.DataFrame({"g": [10, 9, 8, None]}))["g"].levels == ("9", "8", "10")
    with pytest.raises(DataError, match="no row of the fit part has the reference of g: 9"):
        with_levels(model, pl.DataFrame({"g": [10, 8]}))


def test_a_target_has_a_type_of_its_task(tmp_path):
    """A target has a type of its task. A text is one only where the file says which value is true, or
    lists the classes."""
    text = FILES["model/late.yaml"].replace("target: late", "target: flight_name")
    source = FILES["source/flights.yaml"].replace("  late:", "  flight_name: string\n  late:")
    with pytest.raises(ConfigErrors, match="the target 'flight_name' is string, and the task binary cannot"):
        load(make(tmp_path / "a", model__late=text, source__flights=source), (), ENVIRON)
    said = text.replace("target: flight_name", "target: {column: flight_name, positive: A1}")
    found = load(make(tmp_path / "b", model__late=said, source__flights=source), (), ENVIRON)
    assert found.models["late"].goal.positive == "A1"
