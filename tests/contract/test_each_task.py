"""A model of every kind of task in every language: one night of all of them, held against each other."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.learning import TASKS
from tests.contract.conftest import models_of
from tests.e2e.company import ROOT, Project
from tests.e2e.lab import project_of

pytestmark = pytest.mark.timeout(600)  # of the first case: the night of all models
CLASSES = ("home", "légal aid", "motor")
LEVELS = (0.1, 0.5, 0.9)
DATE = "2024-01-20"
SOURCE = """\
department: sales
kind: csv
path: data/claims.csv
columns:
  {id: integer, at: timestamp, region: category, minutes: float, years: float, paid: string, amount: float,
  claims: integer, desk: string, session: integer,
  lasted: float, closed: boolean}
key: [id]
time_column: at
"""
MODEL = """\
defaults: [/template/{task}]
department: sales
owner: Ann
language: {language}
code: models/{name}/model{suffix}
source: claims
features: {features}
window: {{train: 15d, holdout: 5d, label_delay: 1d}}
"""
DECLARED = {
    "binary": "target: {column: paid, positive: 'Yes', loss: log}\nweights: minutes\ntrain_only: [amount]\n",
    "regression": "target: {column: amount, loss: absolute}\n",
    "multiclass": "target: {column: desk, classes: [home, légal aid, motor]}\nunseen: other\n",
    "count": "target: claims\nexposure: years\n",
    "quantiles": "target: amount\noutput: {quantiles: [0.1, 0.5, 0.9]}\n",
}
DECLARED |= {
    "anomaly": "task: anomaly\ndecision: {top: 5}\nthresholds: {training: {stability.overlap: {min: 0.5}}}\n",
    "survival": "target: {time: lasted, event: closed, horizons: [2, 5]}\n",
    "ranking": "target: {column: claims, at: 5}\ngroup: session\n",
    "clusters": "task: clusters\nthresholds: {training: {stability.rand: {min: 0.5}}}\n",
    "rules": "target: {column: paid, as: binary, positive: 'Yes'}\n",
}
SALES = """\
department: sales
kind: csv
path: data/sales.csv
columns: {store: string, day: date, sold: integer, price: float, rain: float, region: category}
key: [store, day]
time_column: day
"""
FORECAST = """\
defaults: [/template/{task}]
department: sales
owner: Ann
language: {language}
code: models/{name}/model{suffix}
source: sales
series: store
time: {{column: day, step: 1d, season: 7d}}
target: {{column: sold, min: 0}}
horizon: 5d
future: [price]
past: [rain]
static: [region]
gaps: zero
ended: 6d
parameters: {{factor: 0.8}}
window: {{train: 40d, holdout: {{origins: 3, every: 2d}}, refit: false}}
"""
MODELS = {"forecast": FORECAST}
KEYS = {"forecast": ["store", "origin", "day"]}
TEMPLATES = {"binary": "classifier", "regression": "regressor"}
TEMPLATES |= dict.fromkeys(("anomaly", "clusters"), "unsupervised")
FEATURES = {"anomaly": "{region: category, amount: float}"}

PYTHON = {
    # the mean of the weekday in the rows of fit, the last value of the history, its rain, the price ahead
    "forecast": """\
def fit(data, params):
    assert list(data) == ["store", "day", "price", "region", "rain", "sold"], list(data)
    return data.groupby([data["store"], data["day"].dt.dayofweek])["sold"].mean().to_dict()
def score(model, history, future, params):
    assert list(history) == ["store", "day", "price", "region", "rain", "sold"], list(history)
    assert list(future) == ["store", "day", "price", "region"], list(future)
    assert history["day"].max() < future["day"].min()
    own = history.groupby("store")
    last, rain = own["sold"].last(), own["rain"].mean()
    mean = [model[key] for key in zip(future["store"], future["day"].dt.dayofweek)]
    size = future["region"].astype(object).map({"east": 1.0, "west": 2.0}) * future["price"]
    before = 0.1 * future["store"].map(last) + future["store"].map(rain)
    return (before + size / 9 + mean).to_numpy() * params["factor"]
""",
    "binary": """\
def fit(data, params):
    assert list(data) == ["region", "minutes", "amount", "paid"], list(data)
    won = (data["paid"] * data["minutes"]).groupby(data["region"], observed=True).sum()
    return (won / data["minutes"].groupby(data["region"], observed=True).sum()).to_dict()
def score(model, data):
    assert list(data) == ["region"], list(data)
    return data["region"].astype(object).map(model).to_numpy(float)
""",
    "regression": """\
def fit(data, params):
    return data["amount"].groupby(data["region"], observed=True).median().to_dict()
def score(model, data):
    return data["region"].astype(object).map(model).to_numpy(float)
""",
    "multiclass": """\
import pandas as pd
def fit(data, params):
    assert list(data["desk"].cat.categories) == ["home", "légal aid", "motor"]
    return pd.crosstab(data["region"], data["desk"], normalize="index")
def score(model, data):
    return model.loc[data["region"].astype(object), ["motor", "home", "légal aid"]]
""",
    "count": """\
def fit(data, params):
    by = data.groupby("region", observed=True)
    return (by["claims"].sum() / by["years"].sum()).to_dict()
def score(model, data):
    return data["region"].astype(object).map(model).to_numpy(float) * data["years"].to_numpy()
""",
    "anomaly": """\
def fit(data, params):
    assert list(data) == ["region", "amount"], list(data)
    return data.groupby("region", observed=True)["amount"].median().to_dict()
def score(model, data):
    return (data["amount"] - data["region"].astype(object).map(model)).abs()
""",
    "clusters": """\
def fit(data, params):
    assert list(data) == ["region"], list(data)
    return {region: number for number, region in enumerate(sorted(data["region"].unique()))}
def score(model, data):
    return data["region"].astype(object).map(model).to_numpy()
""",
    "ranking": """\
def fit(data, params):
    assert list(data) == ["region", "session", "claims"], list(data)
    assert 97 not in set(data["session"])
    return data["claims"].groupby(data["region"], observed=True).mean().to_dict()
def score(model, data):
    return data["region"].astype(object).map(model).to_numpy(float)
""",
    "survival": """\
import numpy as np
def fit(data, params):
    assert list(data) == ["region", "closed", "lasted"], list(data)
    by = data.groupby("region", observed=True)
    return (by["closed"].sum() / by["lasted"].sum()).to_dict()
def score(model, data):
    assert list(data) == ["region"], list(data)
    rate = data["region"].astype(object).map(model).to_numpy(float)
    return {"by5": 1 - np.exp(-5 * rate), "by2": 1 - np.exp(-2 * rate)}
""",
    "rules": """\
def score(model, data):
    assert model is None
    return (data["region"] == "süd") * 0.5 + 0.3
""",
    "quantiles": """\
import pandas as pd
def fit(data, params):
    return data.groupby("region", observed=True)["amount"].quantile([0.1, 0.5, 0.9]).unstack()
def score(model, data):
    found = model.loc[data["region"].astype(object)]
    return {"q90": found[0.9].to_numpy(), "q10": found[0.1].to_numpy(), "q50": found[0.5].to_numpy()}
""",
}
R = {
    "forecast": """\
weekday <- function(day) as.character(as.POSIXlt(day)$wday)
fit <- function(data, params) {
    stopifnot(names(data) == c("store", "day", "price", "region", "rain", "sold"))
    tapply(data$sold, list(data$store, weekday(data$day)), mean)
}
score <- function(model, history, future, params) {
    stopifnot(names(history) == c("store", "day", "price", "region", "rain", "sold"),
              names(future) == c("store", "day", "price", "region"), max(history$day) < min(future$day))
    last <- tapply(history$sold, history$store, function(x) x[length(x)])
    rain <- tapply(history$rain, history$store, mean, na.rm = TRUE)
    size <- c(east = 1, west = 2)[as.character(future$region)] * future$price
    own <- model[cbind(future$store, weekday(future$day))]
    unname(0.1 * last[future$store] + rain[future$store] + size / 9 + own) * params$factor
}
""",
    "binary": """\
fit <- function(data, params) {
    stopifnot(names(data) == c("region", "minutes", "amount", "paid"), is.logical(data$paid))
    tapply(data$paid * data$minutes, data$region, sum) / tapply(data$minutes, data$region, sum)
}
score <- function(model, data) {
    stopifnot(names(data) == "region")
    as.numeric(model[as.character(data$region)])
}
""",
    "regression": """\
fit <- function(data, params) tapply(data$amount, data$region, median)
score <- function(model, data) as.numeric(model[as.character(data$region)])
""",
    "multiclass": """\
fit <- function(data, params) {
    stopifnot(levels(data$desk) == c("home", "légal aid", "motor"))
    unclass(prop.table(table(data$region, data$desk), 1))
}
score <- function(model, data) {
    found <- model[as.character(data$region), c("motor", "home", "légal aid"), drop = FALSE]
    rownames(found) <- NULL
    found
}
""",
    "count": """\
fit <- function(data, params) tapply(data$claims, data$region, sum) / tapply(data$years, data$region, sum)
score <- function(model, data) as.numeric(model[as.character(data$region)]) * data$years
""",
    "anomaly": """\
fit <- function(data, params) {
    stopifnot(names(data) == c("region", "amount"))
    tapply(data$amount, data$region, median)
}
score <- function(model, data) abs(data$amount - as.numeric(model[as.character(data$region)]))
""",
    "clusters": """\
fit <- function(data, params) {
    stopifnot(names(data) == "region")
    sort(unique(as.character(data$region)), method = "radix")
}
score <- function(model, data) match(as.character(data$region), model) - 1L
""",
    "ranking": """\
fit <- function(data, params) {
    stopifnot(names(data) == c("region", "session", "claims"), !(97 %in% data$session))
    tapply(data$claims, data$region, mean)
}
score <- function(model, data) as.numeric(model[as.character(data$region)])
""",
    "survival": """\
fit <- function(data, params) {
    stopifnot(names(data) == c("region", "closed", "lasted"))
    tapply(data$closed, data$region, sum) / tapply(data$lasted, data$region, sum)
}
score <- function(model, data) {
    rate <- as.numeric(model[as.character(data$region)])
    data.frame(by5 = 1 - exp(-5 * rate), by2 = 1 - exp(-2 * rate))
}
""",
    "rules": """\
score <- function(model, data) {
    stopifnot(is.null(model))
    (data$region == "süd") * 0.5 + 0.3
}
""",
    "quantiles": """\
fit <- function(data, params) t(sapply(split(data$amount, data$region), quantile, c(0.1, 0.5, 0.9)))
score <- function(model, data) {
    found <- unname(model[as.character(data$region), , drop = FALSE])
    data.frame(q90 = found[, 3], q10 = found[, 1], q50 = found[, 2])
}
""",
}
JULIA = {
    "forecast": """\
using Dates, Statistics
function fit(data, params)
    keys(data) == (:store, :day, :price, :region, :rain, :sold) || error("other columns")
    model = Dict{Tuple{String,Int},Float64}()
    for store in unique(data.store), weekday in 1:7
        rows = (data.store .== store) .& (dayofweek.(data.day) .== weekday)
        model[(store, weekday)] = mean(data.sold[rows])
    end
    return model
end
function score(model, history, future, params)
    keys(history) == (:store, :day, :price, :region, :rain, :sold) || error("other columns")
    keys(future) == (:store, :day, :price, :region) || error("other columns")
    maximum(history.day) < minimum(future.day) || error("no forecast")
    last = Dict(zip(history.store, history.sold))
    rain = Dict(store => mean(skipmissing(history.rain[history.store .== store])) for store in keys(last))
    size = [region == "east" ? 1.0 : 2.0 for region in future.region] .* future.price
    own = [model[key] for key in zip(future.store, dayofweek.(future.day))]
    before = [0.1 * last[store] + rain[store] for store in future.store]
    return (before .+ size ./ 9 .+ own) .* params["factor"]
end
""",
    "binary": """\
rate(data, g) = sum((data.paid .* data.minutes)[data.region .== g]) / sum(data.minutes[data.region .== g])
function fit(data, params)
    keys(data) == (:region, :minutes, :amount, :paid) || error("other columns")
    return Dict(g => rate(data, g) for g in unique(data.region))
end
function score(model, data)
    keys(data) == (:region,) || error("other columns")
    return [model[g] for g in data.region]
end
""",
    "regression": """\
using Statistics
fit(data, params) = Dict(g => median(data.amount[data.region .== g]) for g in unique(data.region))
score(model, data) = [model[g] for g in data.region]
""",
    "multiclass": """\
using Statistics
using ..Kronkers
function fit(data, params)
    levels(data.desk) == ["home", "légal aid", "motor"] || error("other classes")
    rate(g, class) = mean(data.desk[data.region .== g] .== class)
    return Dict((g, class) => rate(g, class) for g in unique(data.region), class in levels(data.desk))
end
score(model, data) = Dict(c => [model[(g, c)] for g in data.region] for c in ("motor", "home", "légal aid"))
""",
    "count": """\
rate(data, g) = sum(data.claims[data.region .== g]) / sum(data.years[data.region .== g])
fit(data, params) = Dict(g => rate(data, g) for g in unique(data.region))
score(model, data) = [model[g] for g in data.region] .* data.years
""",
    "anomaly": """\
using Statistics
function fit(data, params)
    keys(data) == (:region, :amount) || error("other columns")
    return Dict(g => median(data.amount[data.region .== g]) for g in unique(data.region))
end
score(model, data) = [abs(data.amount[i] - model[data.region[i]]) for i in 1:length(data.region)]
""",
    "clusters": """\
function fit(data, params)
    keys(data) == (:region,) || error("other columns")
    return Dict(g => i - 1 for (i, g) in enumerate(sort(unique(data.region))))
end
score(model, data) = [model[g] for g in data.region]
""",
    "ranking": """\
using Statistics
function fit(data, params)
    keys(data) == (:region, :session, :claims) && !(97 in data.session) || error("other rows or columns")
    return Dict(g => mean(data.claims[data.region .== g]) for g in unique(data.region))
end
score(model, data) = [model[g] for g in data.region]
""",
    "survival": """\
function fit(data, params)
    keys(data) == (:region, :closed, :lasted) || error("other columns")
    rate(g) = sum(data.closed[data.region .== g]) / sum(data.lasted[data.region .== g])
    return Dict(g => rate(g) for g in unique(data.region))
end
function score(model, data)
    rate = [model[g] for g in data.region]
    return (by5 = 1 .- exp.(-5 .* rate), by2 = 1 .- exp.(-2 .* rate))
end
""",
    "rules": """\
function score(model, data)
    model === nothing || error("there is a model")
    return (data.region .== "süd") .* 0.5 .+ 0.3
end
""",
    "quantiles": """\
using Statistics
of(data, g) = quantile(data.amount[data.region .== g], [0.1, 0.5, 0.9])
fit(data, params) = Dict(g => of(data, g) for g in unique(data.region))
pick(model, data, i) = [model[g][i] for g in data.region]
score(model, data) = (q90 = pick(model, data, 3), q10 = pick(model, data, 1), q50 = pick(model, data, 2))
""",
}
CODE = {"python": PYTHON, "r": R, "julia": JULIA}


def claims() -> pl.DataFrame:
    """24 days of claims whose numbers hang on the region."""
    rng = np.random.default_rng(11)
    n, regions = 24 * 60, np.array(["east", "north", "süd"])
    region = rng.integers(0, 3, n)
    years = rng.random(n) * 2 + 0.1
    at = np.datetime64("2024-01-01T00:00:00") + np.arange(n) * np.timedelta64(86_400 // 60, "s")
    closing, end = rng.exponential(3 * (region + 1)), rng.uniform(1, 12, n)
    desk = (rng.random(n)[:, None] > np.array([[0.2, 0.5], [0.5, 0.9], [0.7, 0.8]])[region]).sum(axis=1)
    return pl.DataFrame(
        {
            "id": np.arange(n),
            "at": at.astype("datetime64[us]"),
            "region": regions[region],
            "minutes": rng.integers(1, 5, n).astype(float),
            "years": years,
            "paid": np.where(rng.random(n) < np.array([0.2, 0.5, 0.8])[region], "Yes", "No"),
            "amount": rng.gamma(2, 10 * (region + 1)),
            "claims": rng.poisson(years * np.array([0.5, 1.5, 4])[region]),
            "desk": np.array(CLASSES)[desk],
            "lasted": np.minimum(closing, end),
            "closed": closing <= end,
            "session": np.arange(n) // 8,  # some have rows of two days
        }
    )


def sales() -> pl.DataFrame:
    """50 days of the sales of six stores until the day of the night, and what is known of the days ahead.

    One store has ended. A day without a row is one without sales. What was sold ahead of the night stands
    there, too: it must not be looked at.
    """
    rng = np.random.default_rng(12)
    frame = pl.DataFrame({"store": ["a", "b", "é", "d", "e", "f"]}).join(
        pl.select(pl.date_range(pl.date(2023, 12, 1), pl.date(2024, 1, 24)).alias("day")), how="cross"
    )
    number = np.repeat(np.arange(6), 55)
    frame = frame.with_columns(
        sold=rng.poisson(5 * (number + 1) + 3 * frame["day"].dt.weekday().to_numpy()),
        price=1 + rng.integers(0, 5, 330) / 4,
        rain=rng.integers(0, 9, 330) / 8,
        region=pl.Series(np.array(["east", "west"])[number % 2]),
    )
    night = pl.lit(DATE).str.to_date()
    absent = pl.Series(rng.random(330) < 0.05) & (pl.col("day") < pl.lit("2023-12-28").str.to_date())
    ended = (pl.col("store") == "d") & (pl.col("day") >= night - pl.duration(days=20))
    return frame.filter(~absent & ~ended)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All of them trained and scored."""
    project = project_of(tmp_path_factory.mktemp("each"))
    (project.folder / "conf/source/orders.yaml").unlink()
    claims().write_csv(project.folder / "data/claims.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    project.write("conf/source/claims.yaml", SOURCE)
    sales().write_csv(project.folder / "data/sales.csv")
    project.write("conf/source/sales.yaml", SALES)
    for path in (ROOT / "conf/template").glob("*.yaml"):
        project.write(f"conf/template/{path.name}", path.read_text())
    for task in TASKS:
        for language in LANGUAGES.values():
            name = f"{task}_{language}"
            values = {"task": TEMPLATES.get(task, task), "language": language, "name": name}
            values["features"] = FEATURES.get(task, "{region: category}")
            suffix = models_of(language).SUFFIX
            text = MODELS.get(task, MODEL).format(**values, suffix=suffix) + DECLARED.get(task, "")
            assert len(text.splitlines()) <= 25
            project.write(f"conf/model/{name}.yaml", text)
            project.write(f"models/{name}/model{models_of(language).SUFFIX}", CODE[str(language)][task])
    project.json("run", "--date", DATE)
    return project


@pytest.fixture(scope="module")
def again(night: Project) -> dict[str, str]:
    """The state of each model after the same command."""
    return {found["model"]: found["state"] for found in night.json("run", "--date", DATE)["models"]}


@pytest.fixture(params=list(TASKS))
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def measured(project: Project, name: str) -> dict[str, float]:
    found = project.json("show", f"{name}@1")["metrics"]
    return {name: math.nan if value is None else value for name, value in found.items()}


def oddness(fit: pl.DataFrame) -> dict[str, pl.Expr]:
    usual = dict(fit.group_by("region").agg(pl.col("amount").median()).iter_rows())
    return {"score": (pl.col("amount") - pl.col("region").replace_strict(usual)).abs()}


ALONE = {
    "anomaly": oddness,
    "clusters": lambda _fit: {"cluster": pl.col("region").replace_strict({"east": 0, "north": 1, "süd": 2})},
    "rules": lambda _fit: {"score": (pl.col("region") == "süd") * 0.5 + 0.3},
}
"""The scores of what has no target, or does not learn from it, by the rows of the fit."""


def forecast_by_hand() -> pl.DataFrame:
    """The forecasts of the night."""
    day, start, first = (pl.lit(text).str.to_date() for text in (DATE, "2023-12-11", "2024-01-11"))
    rows = sales().filter(pl.col("store") != "d")
    whole = (
        rows.select("store")
        .unique()
        .join(pl.select(pl.date_range(start, day - pl.duration(days=1)).alias("day")), how="cross")
    )
    known = whole.join(rows, on=["store", "day"], how="left").with_columns(pl.col("sold").fill_null(0))
    first_rows = rows.filter(pl.col("day") >= start).group_by("store").agg(begin=pl.col("day").min())
    known = known.join(first_rows, on="store").filter(pl.col("day") >= pl.col("begin")).sort("store", "day")
    weekday = pl.col("day").dt.weekday().alias("weekday")
    own = known.filter(pl.col("day") < first).group_by("store", weekday).agg(mean=pl.col("sold").mean())
    last = known.group_by("store").agg(last=pl.col("sold").last(), wet=pl.col("rain").mean())
    size = pl.when(pl.col("region") == "east").then(1.0).otherwise(2.0) * pl.col("price")
    ahead = rows.filter((pl.col("day") >= day) & (pl.col("day") < day + pl.duration(days=5)))
    found = ahead.with_columns(weekday).join(own, on=["store", "weekday"]).join(last, on="store")
    score = (0.1 * pl.col("last") + pl.col("wet") + size / 9 + pl.col("mean")) * 0.8
    keys = (pl.col("store"), pl.lit(DATE).alias("origin"), pl.col("day").cast(pl.String))
    return found.select(*keys, score=score).sort("store", "day")


def by_hand(task: str) -> pl.DataFrame:
    """The scores of the night, and whatever else the task publishes, computed here."""
    if task == "forecast":
        return forecast_by_hand()
    rows = claims()
    day = rows.filter(pl.col("at").dt.date() == pl.lit(DATE).str.to_date())
    fit = rows.filter(
        pl.col("at") < pl.lit("2024-01-14").str.to_datetime(),
        pl.col("at") >= pl.lit("2024-01-04").str.to_datetime(),
    )
    paid = (pl.col("paid") == "Yes").cast(pl.Float64)
    by: dict[str, dict[str, pl.Expr]] = {
        "binary": {"probability": (paid * pl.col("minutes")).sum() / pl.col("minutes").sum()},
        "regression": {"score": pl.col("amount").median()},
        "count": {"score": pl.col("claims").sum() / pl.col("years").sum()},
        "quantiles": {f"q{round(100 * q)}": pl.col("amount").quantile(q, "linear") for q in LEVELS},
        "survival": {
            f"by{h}": 1 - (-h * pl.col("closed").sum() / pl.col("lasted").sum()).exp() for h in (2, 5)
        },
        "ranking": {"score": pl.col("claims").filter(pl.col("session") != 97).mean()},
        "multiclass": {f"probability.{c}": (pl.col("desk") == c).mean() for c in CLASSES},
    }
    if task in ALONE:
        return day.sort("id").select("id", **ALONE[task](fit))
    columns = by[task]
    found = day.join(fit.group_by("region").agg(**columns), on="region", how="left").sort("id")
    if task == "count":
        found = found.with_columns(pl.col("score") * pl.col("years"))
    if task == "multiclass":
        rates = found.select(*columns).to_numpy()
        found = found.with_columns(pl.Series("class", np.array(CLASSES)[rates.argmax(axis=1)]))
        return found.select("id", "class", *columns)
    return found.select("id", *columns)


def test_it_publishes_what_its_language_computes(night, task, language):
    keys = KEYS.get(task, ["id"])
    found = pl.DataFrame(night.rows("read", f"{task}_{language}", "--date", DATE)).sort(keys)
    expected = by_hand(task)
    assert found.columns == expected.columns
    assert len(found) == (25 if task == "forecast" else 60)
    for name in expected.columns[1:]:
        if expected[name].dtype == pl.String:
            assert found[name].to_list() == expected[name].to_list()
        else:
            assert (found[name] - expected[name]).abs().max() < 1e-12, name


def test_it_is_measured_alike_in_every_language(night, task, language):
    found = measured(night, f"{task}_{language}")
    first = measured(night, f"{task}_{next(iter(LANGUAGES))}")
    assert list(found) == list(first)
    assert found == pytest.approx(first, rel=1e-9, abs=1e-12, nan_ok=True)
    assert ("skill" in found) == (task not in ("anomaly", "clusters"))
    assert 0 < found.get("skill", 0.5) < 1
    assert found["unscored"] == 0


def test_a_run_after_it_has_nothing_to_do(again, task, language):
    assert again[f"{task}_{language}"] == "up to date"


def test_an_exposure_of_0_is_not_scored(night):
    rows = claims().with_columns(years=pl.when(pl.col("id") == 1150).then(0.0).otherwise("years"))
    text = (night.folder / "data/claims.csv").read_text()
    rows.write_csv(night.folder / "data/claims.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    try:
        (found,) = night.json("run", "count_python", "--date", DATE, code=1)["models"]
    finally:
        (night.folder / "data/claims.csv").write_text(text)
    assert (
        "the exposure years is missing, 0, negative or no finite number in 1 of 60 rows" in found["message"]
    )


def test_a_group_is_on_one_side_of_the_holdout(night):
    """The holdout begins with row 780; four rows of its session are from the day before."""
    for language in LANGUAGES:
        rows = night.json("show", f"ranking_{language}@1")["rows"]
        assert rows == {"fit": 10 * 60 - 4, "holdout": 5 * 60 + 4, "unlabelled": 0}
