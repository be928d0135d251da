"""1M and 5M rows from Parquet to published, encrypted scores: this system, the bare floor, and by hand.

``make bench`` prints the table. Times are of whole processes, in turn, on one machine; nothing is asserted of
them, since they are a machine's as much as a program's.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.measure import in_turn, median, peak, timed

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
FEATURES = [f"x{i}" for i in range(16)] + [f"k{i}" for i in range(3)]
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
CONFIG = """\
defaults: [schema, {{warehouse: sqlite}}, {{executor: local}}, {{alerts: none}}, _self_]
logical_date: 2024-01-01
"""


class Bench:
    """One folder: data of several sizes, a fitted model, and a project trained on the smallest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.night = 0
        home = folder / "home"
        home.mkdir()
        self.environment = dict(os.environ) | {"HOME": str(home)}

    def program(self, name: str, *arguments: object):
        words = [sys.executable, "-W", "ignore", str(PROGRAMS / f"{name}.py"), *map(str, arguments)]
        return timed(words, self.folder, self.environment)

    def data(self, rows: int) -> Path:
        path = self.folder / f"customers-{rows}.parquet"
        if not path.exists():
            self.program("make_data", path, rows)
        return path

    def prepare(self) -> None:
        import shutil

        self.program("fit", self.data(1_000_000), self.folder / "model.pkl")
        for group in ("warehouse", "executor", "alerts"):
            shutil.copytree(ROOT / "conf" / group, self.folder / "conf" / group)
        columns = ", ".join(f"{n}: {t}" for n, t in COLUMNS.items())
        for name, text in {
            "config.yaml": CONFIG.replace("{{", "{").replace("}}", "}"),
            "department/bench.yaml": "title: Bench\nowner: Bench\n",
            "source/customers.yaml": SOURCE.format(data=self.folder / "customers.parquet", columns=columns),
            "model/churn.yaml": MODEL.format(features=", ".join(FEATURES)),
        }.items():
            path = self.folder / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.use(self.data(100_000))
        self.kronkers()

    def use(self, data: Path) -> None:
        link = self.folder / "customers.parquet"
        link.unlink(missing_ok=True)
        os.link(data, link)
        os.utime(link)  # a changed source: nothing of an earlier night's ingest is used again

    def kronkers(self):
        self.night += 1
        words = ["run", "--date", f"2024-01-{self.night:02}", "--conf", str(self.folder / "conf")]
        return timed([sys.executable, "-m", "kronkers_batch.cli.main", *words], ROOT, self.environment)

    def night_of(self, rows: int):
        self.use(self.data(rows))
        return self.kronkers()


def test_scoring_against_the_floor_and_by_hand(tmp_path, capsys):
    bench = Bench(tmp_path)
    bench.prepare()
    model = tmp_path / "model.pkl"
    results = {}
    for rows in (1_000_000, 5_000_000):
        data = bench.data(rows)
        results[rows] = in_turn(
            {
                "kronkers": lambda rows=rows: bench.night_of(rows),
                "floor": lambda data=data: bench.program("floor", data, model, tmp_path / "floor.db"),
                "by hand": lambda data=data: bench.program("by_hand", data, model, tmp_path / "hand.db"),
            }
        )
    with capsys.disabled():
        print("\n            1M rows    of floor   5M rows   each further 1M   peak MB (1M, 5M)")
        floor = median(results[1_000_000]["floor"])
        for name in results[1_000_000]:
            one, five = (results[n][name] for n in (1_000_000, 5_000_000))
            marginal = (median(five) - median(one)) / 4
            print(
                f"{name:10} {median(one):7.2f} s {median(one) / floor:8.2f} x {median(five):8.2f} s"
                f" {marginal:12.2f} s {peak(one):12.0f} {peak(five):6.0f}"
            )
    out = subprocess.run(
        [sys.executable, "-m", "kronkers_batch.cli.main", "outputs", "churn", "--conf", f"{tmp_path}/conf"],
        cwd=ROOT,
        env=bench.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "1000000" in out
    assert "5000000" in out
