"""1M and 5M rows from Parquet to published, encrypted scores: this system, the bare floor, and by hand.

``make bench`` prints the table. Times are of whole processes, in turn, on one machine; nothing is asserted of
them, since they are a machine's as much as a program's. Memory is watched in runs of its own, which are not
timed; with KRONKERS_BENCH_LARGE also at ten times the rows.
"""

import pytest

from tests.benchmarks.measure import WATCH, in_turn, median, megabytes
from tests.benchmarks.project import FEATURES, LARGE, ROUNDS, ROWS, Project

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

COLUMNS = {"customer_id": "integer"} | {f"x{i}": "float" for i in range(16)}
COLUMNS |= {f"k{i}": "integer" for i in range(3)} | {"region": "category", "churned": "int32"}

SOURCE = """\
department: bench
description: customers
kind: parquet
path: {data}
columns: {{{columns}}}
key: [customer_id]
checks:
  - {{column: x0, min: -20, max: 20}}
  - {{column: x1, nulls: false}}
  - {{column: region, in: [north, south, east, west]}}
  - {{expression: "k0 >= 0 and k1 < 50"}}
  - {{rows: {{min: 1}}}}
"""
MODEL = """\
department: bench
owner: Bench
description: churn
task: binary
language: python
estimator: {{_target_: sklearn.linear_model.LogisticRegression, max_iter: 200}}
data: numpy
source: customers
features: [{features}]
target: churned
thresholds:
  training: {{auc: {{min: 0.5}}}}
  output: {{rows: {{min: 1}}, null_share: {{max: 0}}, score: {{min: 0, max: 1}}}}
resources: {{training_rows: 200000}}
"""


def bench(folder) -> Project:
    """A project trained on a tenth of the rows, and a fitted model for the bare programs."""
    project = Project(folder, ".parquet")
    columns = ", ".join(f"{n}: {t}" for n, t in COLUMNS.items())
    project.write("source/customers.yaml", SOURCE.format(data=project.source, columns=columns))
    project.write("model/churn.yaml", MODEL.format(features=", ".join(FEATURES)))
    project.python("fit", project.data(ROWS), folder / "model.pkl")
    project.night(ROWS // 10)
    return project


def test_scoring_against_the_floor_and_by_hand(tmp_path, capsys):
    project = bench(tmp_path)

    def programs(rows: int, watch: float = 0.0):
        data, model = project.data(rows), tmp_path / "model.pkl"
        return {
            "kronkers": lambda: project.night(rows, watch=watch),
            "floor": lambda: project.python("floor", data, model, tmp_path / "floor.db", watch=watch),
            "by hand": lambda: project.python("by_hand", data, model, tmp_path / "hand.db", watch=watch),
        }

    one, five = ROWS, 5 * ROWS
    results = {rows: in_turn(programs(rows), ROUNDS) for rows in (one, five)}
    sizes = (one, five, 10 * ROWS) if LARGE else (one, five)
    peaks = {rows: {name: run() for name, run in programs(rows, WATCH).items()} for rows in sizes}
    with capsys.disabled():
        print(f"\n{'rows':10} {one:>13,} of floor {five:>13,}  each further {one:,}   peak MB at", end=" ")
        print(", ".join(f"{rows:,}" for rows in sizes))
        floor = median(results[one]["floor"])
        for name in results[one]:
            short, long = (median(results[n][name]) for n in (one, five))
            memory = " ".join(f"{megabytes(peaks[rows][name]):7.0f}" for rows in sizes)
            print(f"{name:10} {short:11.2f} s {short / floor:6.2f} x", end=" ")
            print(f"{long:11.2f} s {(long - short) / 4:14.2f} s            {memory}")
    printed = project.printed("outputs", "churn")
    assert all(str(rows) in printed.replace(",", "") for rows in sizes)
    assert all(megabytes(peaks[rows][name]) > 1 for rows in sizes for name in peaks[rows])
