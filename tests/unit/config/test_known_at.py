"""A feature says when its value became known: rows in which that is later than the prediction are refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.load import load
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.data.checks import Checker
from kronkers_batch.errors import CheckFailed, ConfigErrors
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from tests.config_project import ENVIRON, FILES, make

SOURCE = FILES["source/flights.yaml"].replace(
    "  late: boolean\n", "  late: boolean\n  seen: timestamp\n  day: date\n"
)
MODEL = """\
department: operations
owner: Ada Lovelace
language: python
estimator: {_target_: sklearn.linear_model.LogisticRegression}
source: flights
task: binary
target: late
features: %s
"""
BOTH = "{distance: {known_at: seen}, air_time: {known_at: seen}, origin: category}"
NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)


def model(folder: Path, features: str, source: str = SOURCE) -> ModelSpec:
    project = make(folder, source__flights=source, model__late=MODEL % features)
    return load(project, (), ENVIRON).models["late"]


def test_rows_that_were_known_later_are_refused_with_the_line(tmp_path: Path) -> None:
    found = model(tmp_path, BOTH)
    assert [check.name for check in found.input_checks] == ["nulls(seen)", "not_after(seen, time_hour)"]
    schema = Schema(tuple(Column(name, ColumnType.TIMESTAMP) for name in ("seen", "time_hour")))

    def run(*seen: dt.datetime | None) -> None:
        checker = Checker(schema, found.input_checks, "model late, input")
        times = pl.DataFrame({"seen": seen, "time_hour": [NOON] * len(seen)})
        checker.feed(times.cast(pl.Datetime("us", "UTC")))
        checker.finish(NOON)

    run(NOON, NOON - dt.timedelta(days=3))
    with pytest.raises(CheckFailed) as error:
        run(NOON, NOON + dt.timedelta(seconds=1), None)
    text = str(error.value)
    assert "conf/model/late.yaml:8: features.distance.known_at: nulls(seen): 1 of 3 rows" in text
    assert "not_after(seen, time_hour): 1 of 3 rows" in text


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    untimed = SOURCE.replace("time_column: time_hour\n", "")
    for number, (features, source, said) in enumerate(
        [
            ("{distance: {known_at: sen}}", SOURCE, "there is no column 'sen' in the source"),
            ("{distance: {known_at: day}}", SOURCE, "'day' is date, and the row's time is timestamp"),
            ("{distance: {known_at: air_time}}", SOURCE, "'air_time' is float, and the row's time is"),
            ("{distance: {known_at: seen}}", untimed, "the source has no time_column"),
            ("{distance: {known_at: [seen]}}", SOURCE, "found a list"),
        ]
    ):
        with pytest.raises(ConfigErrors) as error:
            model(tmp_path / str(number), features, source)
        assert "conf/model/late.yaml:8: features.distance.known_at: " in str(error.value)
        assert said in str(error.value)
