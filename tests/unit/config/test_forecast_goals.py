"""What a model says of time series: how it is read, and what of it cannot be."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kronkers_batch.config.load import load
from kronkers_batch.declared.sources import output_schema
from kronkers_batch.errors import ConfigErrors
from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import ColumnType
from tests.config_project import ENVIRON, make

SOURCE = """\
department: operations
kind: csv
path: data/days.csv
columns: {store: string, shop: integer, day: date, at: timestamp, sold: integer, price: float, promo: boolean,
  rain: float, ":step": float, region: category, size: float, origin: string}
key: [store, day]
time_column: day
"""
DROPS = "time_column: day\nchecks: [{column: price, min: 0, on_failure: drop, up_to: 1%}]\n"
ASKED = "department: operations\nkind: query\ninputs: {drops: drops}\nquery: select * from drops\n"
MODEL = """\
department: operations
owner: Ada Lovelace
language: python
code: models/days.py
task: forecast
source: days
series: [store, shop]
time: {column: day, step: 1d, season: 7d}
target: {column: sold, min: 0}
horizon: 28d
future: {price: float, promo: boolean}
past: [rain]
static: {region: category, size: float}
gaps: zero
new_series: {under: 56d}
window: {train: 1095d, holdout: {origins: 8, every: 7d}}
"""
DAY = dt.timedelta(days=1)
OTHER = MODEL.replace("task: forecast", "task: regression")
WRONG = {
    "series: [store, shop]\n": ("", "the task forecast needs 'series' -> write it, such as series: [store]"),
    "horizon: 28d\n": ("", "horizon: the task forecast needs 'horizon'"),
    "time: {column: day, step: 1d, season: 7d}\n": ("", "the task forecast needs 'time'"),
    "{column: day, step: 1d,": ("{step: 1d,", "the key 'column' is missing"),
    "holdout: {origins: 8, every: 7d}": ("holdout: 14d", "the task forecast needs 'window.holdout' -> write"),
    "{origins: 8, every: 7d}": ("{origins: 8}", "window.holdout.every: the key 'every' is missing"),
    "origins: 8,": ("origins: 0,", "found the number 0 -> allowed: a whole number from 1"),
    "origins: 8, every: 7d": ("origins: 800, every: 7d", "the holdout is not shorter than the training"),
    "every: 7d": ("every: 36h", "every in window.holdout is no multiple of time.step"),
    "horizon: 28d": ("horizon: 36h", "'horizon' is no multiple of time.step -> write a whole number"),
    "season: 7d": ("season: 36h", "'time.season' is no multiple of time.step"),
    "step: 1d": ("step: 6h", "the time 'day' is a date, and the step is no whole number of days"),
    "column: day": ("column: at", "the source does not select rows by 'at' -> write time_column: at in the "
                    "source, which has day"),
    "column: day,": ("column: dy,", "there is no column 'dy' in the source"),
    "[store, shop]": ("[store, price]", "the column 'price' is float, which cannot name a series"),
    "series: [store, shop]": ("series: [store, origin]", "the column 'origin' has the name of the output"),
    "past: [rain]": ("past: [rain, price]", "the column 'price' is named in future and in past"),
    "past: [rain]\n": ("past: [sold]\n", "the target 'sold' is also a feature"),
    "static: {region": ("static: {regoin", "there is no column 'regoin' in the source"),
    "past: [": ("past: [':step', ", "begins with a colon, as only the program's own columns do"),
    "gaps: zero": ("gaps: fill", "found the text 'fill' -> allowed: error, missing, zero"),
    "{under: 56d}": ("{under: 56d, use: region}", "new_series.use: found the text 'region'"),
    "code: models/days.py": ("estimator: {_target_: a.B}", "declared estimators are not for series yet"),
    "task: forecast\n": ("task: forecast\nfeatures: [price]\n", "'features' is not for the task forecast -> "
                         "remove it: they follow from series"),
    "source: days\n": ("source: days\nkey: [store]\n", "'key' is not for the task forecast"),
    "language: python\n": ("language: python\nweights: size\n", "'weights' is not for the task forecast"),
    "owner: Ada Lovelace\n": ("owner: Ada\ntrain_only: [origin]\n", "'train_only' is not for the task"),
    "train: 1095d,": ("train: 1095d, score: 2d,", "'window.score' is not for the task forecast"),
    "window: {train": ("window: {label_delay: 1d, train", "'window.label_delay' is not for the task"),
    "1095d, hold": ("1095d, holdout_by: store, hold", "'window.holdout_by' is not for the task"),
    "window: {": ("window: {holdout_share: 10%, ", "'window.holdout_share' is not for the task"),
    "gaps: zero\n": ("gaps: zero\nhistory: 7d\n", "'history' is not longer than time.season"),
    "min: 0}": ("min: 0, loss: absolute}\noutput: {quantiles: [0.1, 0.9]}", "'target.loss' is not for"),
    "new_series: {under: 56d}\n": ("output: {quantiles: [0.1, 0.9], evaluate: 0.5}\n", "'q50' is none of"),
    "gaps: zero\nnew": ("output: {quantiles: [0.1, 0.9], evaluate: 1.5}\nnew", "found the number 1.5"),
    "department: operations\n": ("department: operations\nhierarchy: [region]\n", "the key 'hierarchy'"),
    "min: 0": ("censored_when: promo", "the key 'censored_when' is not known"),
    "language: python": (
        "checks: {input: [{column: price, min: 0, on_failure: drop, up_to: 1%}]}\nlanguage: python",
        "a check drops rows, and gaps: zero makes zeros of them (conf/model/m",
    ),
    "source: days": ("source: made", "the source reads the output of a model"),
    "promo: boolean}": ("promo: {type: boolean, nulls: true}}", "nulls is for rows that are predicted"),
    "under: 56d}\n": ("under: 1095d}\n", "'new_series.under' is not shorter than window.train"),
}  # fmt: skip


def test_what_is_said_of_series_is_read(tmp_path: Path) -> None:
    more = "output: {quantiles: [0.1, 0.5, 0.9], evaluate: 0.9}\nhistory: 90d\nended: 14d\n"
    config = load(written(tmp_path, model__days=MODEL + more), (), ENVIRON)
    model = config.models["days"]
    assert model.goal.panel == Panel(
        ("store", "shop"), "day", "sold", DAY, 7 * DAY, 28 * DAY, ("price", "promo"), ("rain",),
        ("region", "size"), "zero", 14 * DAY, 56 * DAY, 90 * DAY, 0.0, 0.9, 8, 7 * DAY,
    )  # fmt: skip
    assert Panel.of(model.goal.panel.to_json()) == model.goal.panel
    assert [(f.name, str(f.type)) for f in model.features] == [
        ("store", "string"), ("shop", "integer"), ("day", "date"), ("price", "float"), ("promo", "boolean"),
        ("region", "category"), ("size", "float"), ("rain", "float"),
    ]  # fmt: skip
    assert [f.name for f in model.features if f.nulls] == ["price", "promo", "rain"]
    assert model.windows.holdout == 77 * DAY
    assert model.measured == ("q10", "q50", "q90")
    schema = output_schema(model, config.sources["days"])
    assert schema.names == ("store", "shop", "origin", "day", "q10", "q50", "q90")
    assert schema["origin"].type is ColumnType.DATE
    assert model.key == schema.names[:4]


def written(folder: Path, **models: str) -> Path:
    made = "department: operations\nkind: output\noutput: late\n"
    drops = SOURCE.replace("time_column: day\n", DROPS)
    asked = ASKED + SOURCE[SOURCE.index("columns:") :]
    more = {"source__drops": drops, "source__asked": asked}
    conf = make(folder, source__days=SOURCE, source__made=made, **more, **models)
    (conf.parent / "models").mkdir(exist_ok=True)
    (conf.parent / "models/days.py").touch()
    return conf


def test_what_of_it_cannot_be_is_refused_with_its_line(tmp_path: Path) -> None:
    models = {f"model__m{n}": MODEL.replace(old, new, 1) for n, (old, (new, _)) in enumerate(WRONG.items())}
    with pytest.raises(ConfigErrors) as error:
        load(written(tmp_path, **models), (), ENVIRON)
    lines = str(error.value).replace("\n  ->", " ->").splitlines()
    for number, (old, (_, said)) in enumerate(WRONG.items()):
        assert old in MODEL, old
        own = [line for line in lines if line.startswith(f"conf/model/m{number}.yaml:")]
        assert any(said in line for line in own), (old, own)


def test_a_check_of_what_a_query_reads_may_make_no_zeros(tmp_path: Path) -> None:
    asked = MODEL.replace("source: days", "source: asked")
    with pytest.raises(ConfigErrors, match="gaps: zero makes zeros of them") as error:
        load(written(tmp_path, model__days=asked), (), ENVIRON)
    assert "conf/source/drops.yaml:" in str(error.value)
    load(written(tmp_path / "missing", model__days=asked.replace("gaps: zero", "gaps: missing")), (), ENVIRON)


def test_keys_of_series_are_refused_where_the_task_has_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as error:
        load(written(tmp_path, model__other=OTHER), (), ENVIRON)
    text = str(error.value)
    for key in ("series", "time", "horizon", "future", "past", "static", "gaps", "new_series", "target.min"):
        assert f": {key}: '{key}' is not for the task regression\n  -> remove it; it is for: forecast" in text
    assert "origins in window.holdout are not for the task regression" in text
    assert "the key 'features' is missing" in text


def test_another_model_may_read_forecasts(tmp_path: Path) -> None:
    reader = (
        "department: operations\nowner: Ada\nlanguage: python\ncode: models/days.py\ntask: regression\n"
        "source: {output: days}\nfeatures: [score]\ntarget: score\n"
    )
    with pytest.raises(ConfigErrors, match="the target 'score' is also a feature"):
        load(written(tmp_path / "a", model__days=MODEL, model__reader=reader), (), ENVIRON)
    reader = reader.replace("[score]", "[origin, day]")
    config = load(written(tmp_path / "b", model__days=MODEL, model__reader=reader), (), ENVIRON)
    assert config.models["reader"].key == ("store", "shop", "origin", "day")
