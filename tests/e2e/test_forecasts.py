"""Nights of forecasts: what is published, and what is refused instead of published."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.e2e.company import Project
from tests.e2e.lab import project_of, told

DATE, NEXT = "2024-05-01", "2024-05-02"
SOURCE = """\
department: sales
kind: csv
path: data/days.csv
columns: {store: string, day: date, sold: float, price: float, region: category}
key: [store, day]
time_column: day
"""
MODEL = """\
department: sales
owner: Ann
task: forecast
language: python
data: numpy
code: models/NAME/model.py
source: days
series: [store]
time: {column: day, step: 1d, season: 7d}
target: {column: sold, min: 0}
horizon: 14d
future: [price]
static: [region]
gaps: zero
ended: 10d
new_series: {under: 21d}
window: {train: 80d, holdout: {origins: 3, every: 7d}}
"""
FIT = """\
import numpy as np
def weekday(day):
    return (day.astype("datetime64[D]").astype(int) + 3) % 7
def fit(data, params):
    keys = list(zip(data["store"], weekday(data["day"])))
    return {key: np.mean(data["sold"][[i for i, k in enumerate(keys) if k == key]]) for key in set(keys)}
"""
USUAL = (
    FIT
    + """\
def score(model, history, future):
    return [model[key] for key in zip(future["store"], weekday(future["day"]))]
"""
)
CODE = {
    # quantiles around the mean of the weekday
    "good": USUAL.replace("return [", "found = [") + """\
    return {"q10": np.array(found) * 0.7, "q50": np.array(found), "q90": np.array(found) * 1.3}
""",
    # the last days that its score and its fit were shown, as numbers
    "last": """\
import numpy as np
def fit(data, params):
    return float(data["day"].astype(int).max())
def score(model, history, future):
    assert set(future) == {"store", "day", "price", "region"}, sorted(future)
    days = len(future["day"])
    return {"score": np.full(days, float(history["day"].astype(int).max())), "fitted": np.full(days, model)}
""",
    # what all series of the question have sold
    "company": FIT + """\
def score(model, history, future):
    return np.full(len(future["day"]), np.nanmean(history["sold"]))
""",
    "short": USUAL.replace("for key in zip", "for key in list(zip").replace("weekday(future[\"day\"]))]",
                                                                           "weekday(future[\"day\"])))[1:]]"),
    "below": USUAL.replace("model[key]", "model[key] - 50"),
    # from 2 May on it has nothing good to say
    "late": USUAL.replace("model[key] for", "model[key] - 99 * (history['day'].max() > DAY) for").replace(
        "import numpy as np\n", "import numpy as np\nDAY = np.datetime64('2024-05-01')\n"
    ),
    "outside": FIT.replace("    return {", "    globals()['KEPT'] = 2\n    return {") + """\
KEPT = 1
def score(model, history, future):
    return [KEPT * model[key] for key in zip(future["store"], weekday(future["day"]))]
""",
}  # fmt: skip
OUTPUTS = {
    "good": "output: {quantiles: [0.1, 0.5, 0.9]}\n",
    "last": "output: {columns: {score: float, fitted: float}, evaluate: score}\n",
}


def rows() -> pl.DataFrame:
    """Four stores, of which one has ended and one is new; what was sold ahead of a night is there, too."""
    rng = np.random.default_rng(1)
    days = pl.date_range(dt.date(2024, 2, 1), dt.date(2024, 5, 20), eager=True)
    whole = pl.DataFrame({"store": list("abcd")}).join(pl.DataFrame({"day": days}), how="cross")
    number = np.repeat(np.arange(4), len(days))
    whole = whole.with_columns(
        sold=(10 * (number + 1) + 3 * whole["day"].dt.weekday().to_numpy() + rng.normal(size=len(whole))),
        price=1.0 + number,
        region=pl.Series(np.where(number % 2, "east", "west")),
    )
    ended = (pl.col("store") == "c") & (pl.col("day") > dt.date(2024, 4, 15))
    new = (pl.col("store") == "d") & (pl.col("day") < dt.date(2024, 4, 20))
    return whole.filter(~ended & ~new)


def put(project: Project, frame: pl.DataFrame) -> None:
    frame.write_csv(project.folder / "data/days.csv")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with all models, and their first night."""
    project = project_of(tmp_path_factory.mktemp("forecasts"))
    (project.folder / "conf/source/orders.yaml").unlink()
    project.write("conf/source/days.yaml", SOURCE)
    put(project, rows())
    for name, code in CODE.items():
        project.write(f"conf/model/{name}.yaml", MODEL.replace("NAME", name) + OUTPUTS.get(name, ""))
        project.write(f"models/{name}/model.py", code)
    whole = MODEL.replace("NAME", "company") + "rows: whole\nthresholds: {training: {skill: {min: -9}}}\n"
    project.write("conf/model/whole.yaml", whole)
    return project


@pytest.fixture(scope="module")
def first(lab: Project) -> dict[str, str]:
    return told(lab, "--date", DATE, code=1)


def test_forecasts_are_published_with_their_origin(lab, first):
    assert "published (28 rows) by good@1" in first["good"]
    for words in (
        "1 series have ended: they have no row in the last 10 days",
        "1 series are new: their history is shorter than 21 days",
        "forecasts of series that ended within the horizon are not measured",
        "coverage.80", "spl", "wape", "skill.early",
    ):  # fmt: skip
        assert words in first["good"], words
    found = pl.DataFrame(lab.rows("read", "good", "--date", DATE))
    assert found.columns == ["store", "origin", "day", "q10", "q50", "q90"]
    assert set(found["store"]) == {"a", "b"}
    assert set(found["origin"]) == {DATE}
    assert (found["day"].min(), found["day"].max()) == (DATE, "2024-05-14")


def test_a_model_never_sees_a_target_from_the_origin_on(lab, first):
    """Also where the source has it already."""
    assert "published (28 rows)" in first["last"]
    found = pl.DataFrame(lab.rows("read", "last", "--date", DATE))
    assert set(found["score"]) == {float((dt.date(2024, 4, 30) - dt.date(1970, 1, 1)).days)}
    # The final fit knows the rows of the holdout, too.
    assert set(found["fitted"]) == {float((dt.date(2024, 4, 30) - dt.date(1970, 1, 1)).days)}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("company", "the model gives a series another forecast when the series is forecast"),
        ("short", "score returned 27 values for 28 rows"),
        ("below", "score gave a forecast below target.min for"),
        ("outside", "the stored model, loaded in a new worker, gives other scores than"),
    ],
)
def test_what_cannot_be_believed_is_not_recorded(first, name, says):
    assert says in first[name]
    assert "@1" not in first[name]


def test_a_model_may_need_all_series_at_once(first):
    assert "published (28 rows) by whole@1" in first["whole"]


def test_the_nights_after_it_prove_the_champion_and_repeat_no_key(lab, first):
    assert "good@1" in first["good"]
    assert told(lab, "good", "--date", DATE)["good"] == "good/2024-05-01#1 was published before"
    assert "published (28 rows) by good@1" in told(lab, "good", "--date", NEXT)["good"]
    nights = pl.concat(pl.DataFrame(lab.rows("read", "good", "--date", date)) for date in (DATE, NEXT))
    assert nights.select("store", "origin", "day").n_unique() == 56
    one = lab.rows("read", "good", "--date", NEXT, "--key", "a", NEXT, "2024-05-15")
    assert [row["day"] for row in one] == ["2024-05-15"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.with_columns(price=pl.when(pl.col("day") != dt.date(2024, 5, 9)).then("price")),
         "price is missing in 2 of 28 steps ahead, and is declared as known for the whole horizon"),
        (lambda r: r.filter(pl.col("day") < dt.date(2024, 1, 3)), "there is no history"),
        (lambda r: r.filter(~pl.col("day").is_between(dt.date(2024, 4, 30), dt.date(2024, 5, 2))),
         "no series has a row in the last 3 steps before the logical date"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_forecast_from_hold_the_night(lab, first, change, says):
    assert "good@1" in first["good"]
    put(lab, change(rows()))
    try:
        found = told(lab, "good", "--date", "2024-05-03", code=1)["good"]
    finally:
        put(lab, rows())
    assert says in found


def test_a_night_holds_no_forecast_below_the_least(lab, first):
    assert "late@1" in first["late"]
    found = told(lab, "late", "--date", "2024-05-03", code=1)["late"]
    assert "score gave a forecast below target.min for 28 of 28 steps" in found


def test_a_training_needs_rows_before_its_first_origin(lab, first):
    assert "good@1" in first["good"]
    (found,) = lab.json("train", "good", "--force", "--date", "2024-02-25", code=1)["models"]
    assert "there is no history: the window has no rows before the first origin" in found["message"]


def test_a_champion_of_another_kind_of_task_is_not_used(lab, first):
    assert "last@1" in first["last"]
    path = lab.folder / "conf/model/last.yaml"
    text = path.read_text()
    other = text.split("series:")[0].replace("task: forecast", "task: regression")
    broken = "target: sold\nfeatures: [price]\nwindow: {train: 80d, holdout: 20d}\n"
    code = (lab.folder / "models/last/model.py").read_text()
    path.write_text(other + broken)
    try:
        found = told(lab, "last", "--date", "2024-05-04", code=1)["last"]
    finally:
        path.write_text(text)
        lab.write("models/last/model.py", code)
    assert "last@1 was trained for the task forecast, and the task is regression now" in found
