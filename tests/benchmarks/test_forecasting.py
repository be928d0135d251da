"""28 days of 500 stores, forecast from three years: through this system, and natively in a script of Julia.

Whole processes, in turn. Both sides read the same CSV file, fit the same model, measure it from the same
eight origins, and forecast from the same history; natively a CSV file of clear scores is written. This system
checks, freezes, encrypts, records and publishes what it reads and forecasts, and tries the stored model in a
second process. Nothing is asserted of times, since they are a machine's as much as a program's; the scores
are the same.

KRONKERS_BENCH_SERIES (500) and KRONKERS_BENCH_ROUNDS (3) say how much.
"""

import datetime as dt
import json
import os
import shutil

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Environment
from kronkers_batch.runtimes.languages import builder
from tests.benchmarks.measure import Timing, in_turn, median, timed
from tests.benchmarks.project import PROGRAMS, ROUNDS, Project

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

SERIES = int(os.environ.get("KRONKERS_BENCH_SERIES", "500"))
FIRST, LAST = dt.date(2021, 1, 1), dt.date(2024, 3, 1)
SOURCE = """\
department: bench
description: days of stores
kind: csv
path: {data}
columns: {{store: string, day: date, sold: float, price: float}}
key: [store, day]
time_column: day
checks:
  - {{column: price, nulls: false}}
"""
MODEL = """\
department: bench
owner: Bench
description: demand
language: julia
code: models/demand.jl
task: forecast
source: days
series: [store]
time: {column: day, step: 1d, season: 7d}
target: {column: sold, min: 0}
horizon: 28d
future: {price: float}
window: {train: 1095d, holdout: {origins: 8, every: 7d}, refit: false}
thresholds: {training: {skill: {min: 0}}, output: {rows: {min: 1}}}
resources: {memory: 8GB}
"""


def rows(path) -> None:
    """Three years of stores, and some weeks more: what was sold from a date on is not looked at."""
    rng = np.random.default_rng(1)
    days = pl.date_range(FIRST, LAST, eager=True)
    stores = pl.DataFrame({"store": [f"store-{n:04}" for n in range(SERIES)]})
    whole = stores.join(pl.DataFrame({"day": days}), how="cross")
    number, weekday = np.repeat(np.arange(SERIES), len(days)), whole["day"].dt.weekday().to_numpy()
    price = 3 + rng.integers(0, 5, len(whole)) / 4
    sold = rng.poisson(20 + number % 50 + 5 * weekday - 3 * price)
    whole.with_columns(sold=pl.Series(sold.astype(float)), price=pl.Series(price)).write_csv(path)


class Demand(Project):
    """A project with one model of demand, and the native script."""

    def __init__(self, folder) -> None:
        super().__init__(folder, ".csv")
        rows(self.source)
        self.write("source/days.yaml", SOURCE.format(data=self.source))
        self.write("model/demand.yaml", MODEL)
        (folder / "models").mkdir()
        shutil.copy(PROGRAMS / "demand.jl", folder / "models")

    def native(self, work: str) -> Timing:
        words = [work, self.date, str(self.source), str(self.folder / "native.model")]
        words += [str(self.folder / "native.csv")] if work == "score" else []
        julia = builder(LANGUAGES["julia"]).command(Environment(), 1)
        environment = dict(os.environ)
        environment |= {k: v for k, v in julia.environment.items() if k == "LD_LIBRARY_PATH"}
        command = [julia.argv[0], "--startup-file=no", str(PROGRAMS / "native_demand.jl"), *words]
        return timed(command, self.folder, environment)


def test_forecasts_against_a_native_script(tmp_path, capsys):
    project = Demand(tmp_path)

    def in_both(ours: tuple[str, ...], work: str) -> dict[str, list[Timing]]:
        return in_turn(
            {
                "kronkers": lambda: project.kronkers(*ours, "demand", "--date", project.next_date()),
                "native": lambda: project.native(work),
            },
            ROUNDS,
        )

    trained, scored = in_both(("train", "--force"), "train"), in_both(("run",), "score")
    with capsys.disabled():
        for what, results in (("fit, measure", trained), ("forecast", scored)):
            ours, theirs = (median(results[name]) for name in ("kronkers", "native"))
            ratio = f"{ours:6.2f} s, native {theirs:6.2f} s, ratio {ours / theirs:.2f}"
            print(f"\n{what:12} {SERIES} series: {ratio}")
        each = [sum(median(found[name]) for found in (trained, scored)) for name in ("kronkers", "native")]
        print(f"\nboth: ratio {each[0] / each[1]:.2f}")
    lines = project.printed("read", "demand", "--date", project.date, "--json").splitlines()
    found = pl.DataFrame([json.loads(line) for line in lines]).sort("store", "day")
    columns = ["store", "day", "score"]
    native = pl.read_csv(tmp_path / "native.csv", has_header=False, new_columns=columns).sort("store", "day")
    assert len(found) == 28 * SERIES
    assert (found["score"] - native["score"]).abs().max() < 1e-9
