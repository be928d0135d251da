"""Training and scoring in each language: through this system, and natively in a script of that language.

Whole processes, in turn. Both sides read the same CSV file of numbers (a key, 19 features, a label). Native
is what a person writes in that language: R with data.table's fread and fwrite and `glm`, Python with pandas
and scikit-learn, Julia with DelimitedFiles and a logistic regression of a few lines; it writes clear scores
to a CSV file. This system checks, freezes, encrypts, records and publishes what it reads and scores. A
training fits four fifths of the rows and measures on the last fifth, on either side. Linear algebra has what
it takes unasked: natively all cores, here the one thread of a worker, unless `resources.threads` says more.

Needs R's data.table and ranger, which nothing else here does: `apt-get install r-cran-data.table
r-cran-ranger`, or `install.packages(c("data.table", "ranger"))` in R.

Sizes: KRONKERS_BENCH_ROWS (1,000,000), KRONKERS_BENCH_FOREST_ROWS (at most 200,000 of them),
KRONKERS_BENCH_ROUNDS (3). Nothing is asserted of times, since they are a machine's as much as a program's.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Environment
from kronkers_batch.runtimes.languages import builder
from tests.benchmarks.measure import Timing, in_turn, median, timed
from tests.benchmarks.project import FEATURES, PROGRAMS, ROUNDS, ROWS, Project

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

FOREST_ROWS = int(os.environ.get("KRONKERS_BENCH_FOREST_ROWS", min(ROWS, 200_000)))
TIMED = ("r", "python", "julia")
COLUMNS = {"customer_id": "integer"} | dict.fromkeys(FEATURES[:16], "float")
COLUMNS |= dict.fromkeys(FEATURES[16:], "integer") | {"churned": "int32"}

SOURCE = """\
department: bench
description: customers
kind: csv
path: {data}
columns: {{{columns}}}
key: [customer_id]
checks:
  - {{column: x0, min: -20, max: 20}}
  - {{column: x1, nulls: false}}
  - {{expression: "k0 >= 0 and k1 < 50"}}
  - {{rows: {{min: 1}}}}
"""
MODEL = """\
department: bench
owner: Bench
description: churn
task: binary
language: {language}
{model}
source: customers
features: [{features}]
target: churned
thresholds:
  training: {{auc: {{min: 0.5}}}}
  output: {{rows: {{min: 1}}, null_share: {{max: 0}}, score: {{min: 0, max: 1}}}}
resources: {{workers: {workers}, memory: 16GB, training_rows: 100000000}}
"""
MODELS = {
    "r": """estimator:
  function: stats::glm
  formula: churned ~ .
  arguments: {family: binomial, model: false}
  predict_arguments: {type: response}""",
    "python": """estimator: {_target_: sklearn.linear_model.LogisticRegression, max_iter: 200}
data: numpy""",
    "julia": "code: models/logistic.jl",
    "kernel": "code: models/kernel.jl\nparameters: {centres: 800}",
    "forest": """estimator:
  function: ranger::ranger
  formula: churned ~ .
  arguments: {num.trees: 100, min.node.size: 50, probability: true}""",
}


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    for name in ("data.table", "ranger"):
        command = [
            "Rscript",
            "--vanilla",
            "-e",
            f"quit(status = !requireNamespace('{name}', quietly = TRUE))",
        ]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.fail(
                f"the benchmarks of languages need R's package {name}: apt-get install r-cran-{name},"
                f' or install.packages("{name}") in R'
            )


class Languages(Project):
    """A project with one model a language, and the native scripts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ".csv")
        columns = ", ".join(f"{name}: {kind}" for name, kind in COLUMNS.items())
        self.write("source/customers.yaml", SOURCE.format(data=self.source, columns=columns))
        (folder / "models").mkdir()
        for name in ("logistic.jl", "kernel.jl"):
            shutil.copy(PROGRAMS / name, folder / "models")

    def declare(self, name: str, *, workers: int = 1) -> None:
        text = MODEL.format(
            language={"forest": "r", "kernel": "julia"}.get(name, name),
            model=MODELS[name],
            features=", ".join(FEATURES),
            workers=workers,
        )
        self.write(f"model/{name}.yaml", text)

    def native(self, language: str, work: str, rows: int) -> Timing:
        """The native script, to its end."""
        name = "forest" if work.startswith("forest") else language
        words = [work, str(self.data(rows)), str(self.folder / f"native-{name}.model")]
        if work.endswith("score"):
            words.append(str(self.native_scores(name)))
        environment = dict(os.environ)
        if language == "python":
            command = [sys.executable, "-W", "ignore", str(PROGRAMS / "native.py")]
        elif language == "r":
            command = ["Rscript", "--vanilla", str(PROGRAMS / "native.R")]
        else:
            julia = builder(LANGUAGES["julia"]).command(Environment(), 1)
            command = [julia.argv[0], "--startup-file=no", str(PROGRAMS / "native.jl")]
            environment |= {k: v for k, v in julia.environment.items() if k == "LD_LIBRARY_PATH"}
        return timed([*command, *words], self.folder, environment)

    def native_scores(self, language: str) -> Path:
        return self.folder / f"native-{language}.csv"

    def scores(self, model: str) -> pl.DataFrame:
        """What the newest output of a model says, by key."""
        path = self.folder / "read.parquet"
        self.kronkers("read", model, "--to", str(path), "--force", "--date", self.date)
        return pl.read_parquet(path).sort("customer_id")

    def trainings(self, model: str) -> int:
        """How many versions a model has."""
        return len(json.loads(self.printed("versions", model, "--json")))


def table(title: str, rows: dict[str, dict[str, list[Timing]]]) -> None:
    print(f"\n{title:28} {'native':>10} {'kronkers':>10}    ratio")
    for name, results in rows.items():
        native, ours = median(results["native"]), median(results["kronkers"])
        print(f"  {name:26} {native:8.2f} s {ours:8.2f} s {ours / native:6.2f} x")


@pytest.mark.parametrize("language", TIMED)
def test_training_and_scoring_against_the_language_itself(language, tmp_path, capsys):
    project = Languages(tmp_path)
    project.declare(language)
    training = in_turn(
        {
            "native": lambda: project.native(language, "train", ROWS),
            "kronkers": lambda: project.training(ROWS, language),
        },
        ROUNDS,
    )
    scoring = in_turn(
        {
            "native": lambda: project.native(language, "score", ROWS),
            "kronkers": lambda: project.night(ROWS, language),
        },
        ROUNDS,
    )
    with capsys.disabled():
        table(f"{ROWS:,} rows of CSV", {f"{language} training": training, f"{language} scoring": scoring})
    assert project.trainings(language) == ROUNDS
    native = pl.read_csv(project.native_scores(language)).sort("customer_id")
    ours = project.scores(language)
    assert ours["customer_id"].to_list() == native["customer_id"].to_list()
    # Fitted to other four fifths of the rows, so equal within what that makes of the coefficients.
    assert np.corrcoef(ours["score"].to_numpy(), native["score"].to_numpy())[0, 1] > 0.99


def test_two_workers(tmp_path, capsys):
    """A model that only computes, in one worker and in two: what is gained by a second core.

    Of the whole run, and of scoring alone, from the first row read of the snapshot to the published output.
    """
    project = Languages(tmp_path)
    project.declare("kernel")
    project.training(FOREST_ROWS, "kernel")
    scoring: dict[int, list[float]] = {1: [], 2: []}

    def night(workers: int) -> Timing:
        project.declare("kernel", workers=workers)
        project.use(ROWS)
        began = time.perf_counter()
        told = json.loads(project.printed("run", "kernel", "--date", project.next_date(), "--json"))
        scoring[workers].append(told["models"][0]["seconds"])
        return Timing(time.perf_counter() - began, 0)

    results = in_turn({"one": lambda: night(1), "two": lambda: night(2)}, ROUNDS)
    with capsys.disabled():
        one, two = median(results["one"]), median(results["two"])
        print(f"\n{ROWS:,} rows, 800 bells        1 worker    2 workers")
        print(f"  the run          {one:14.2f} s {two:10.2f} s {one / two:6.2f} times as fast")
        one, two = (statistics.median(scoring[workers]) for workers in (1, 2))
        print(f"  scoring          {one:14.2f} s {two:10.2f} s {one / two:6.2f} times as fast")
    assert project.scores("kernel").height == ROWS
    assert project.trainings("kernel") == 1  # how many workers there are is no reason to train


def test_a_forest_at_the_speed_of_ranger_and_with_two_workers(tmp_path, capsys):
    """Trained on the forest's rows, scored on all; natively with one thread, as our one worker has.

    A forest of this size lives in memory that the cores share: how much two native scripts at once get done
    is the most that two workers can.
    """
    project = Languages(tmp_path)
    project.declare("forest")
    training = in_turn(
        {
            "native": lambda: project.native("r", "forest", FOREST_ROWS),
            "kronkers": lambda: project.training(FOREST_ROWS, "forest"),
        },
        ROUNDS,
    )

    def night(workers: int) -> Timing:
        project.declare("forest", workers=workers)
        return project.night(ROWS, "forest")

    scoring = in_turn(
        {
            "native": lambda: project.native("r", "forest-score", ROWS),
            "kronkers": lambda: night(1),
            "two workers": lambda: night(2),
        },
        ROUNDS,
    )
    with ThreadPoolExecutor(2) as pool:
        pair = [pool.submit(project.native, "r", "forest-score", ROWS) for _ in range(2)]
        at_once = max(one.result().seconds for one in pair)
    with capsys.disabled():
        table(
            f"ranger, 100 trees, {FOREST_ROWS:,} / {ROWS:,} rows",
            {"forest training": training, "forest scoring": scoring},
        )
        for name, results in (("training", training), ("scoring", scoring)):
            share = median(results["native"]) / median(results["kronkers"])
            print(f"  {name}: {100 * share:.0f} % of the native speed")
        one, two = median(scoring["kronkers"]), median(scoring["two workers"])
        print(f"  two workers: {two:.2f} s, {one / two:.2f} times as fast as one")
        print(f"  two native scripts at once: {2 * median(scoring['native']) / at_once:.2f} times one's work")
    assert project.trainings("forest") == ROUNDS  # how many workers there are is no reason to train
    scores = project.scores("forest")
    native = pl.read_csv(project.native_scores("forest")).sort("customer_id")
    # Two forests of one seed, grown on other four fifths of the rows.
    assert np.corrcoef(scores["score"].to_numpy(), native["score"].to_numpy())[0, 1] > 0.9
