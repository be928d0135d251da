"""What a worker costs besides its model: getting ready, and carrying rows there and scores back.

Measured inside one process, without source, vault or warehouse. "On top of the model" is the wall time of
`score_stream` less what the model itself took: a logistic of a linear form over all 19 columns that clocks
its own computation in the worker and gives those seconds as a second output column. What the transport does
while the model computes (the next chunk is encoded and sent meanwhile) is free, and is not counted; sharing
the machine's cores with it is. An identity, whose computation is nothing, shows the transport alone.

Rows by KRONKERS_BENCH_ROWS (1,000,000), in chunks of 65,536; medians of KRONKERS_BENCH_ROUNDS (3) after a
first stream that warms up. Nothing is asserted of times.
"""

import datetime as dt
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    Environment,
    Estimator,
    Origin,
    OutputColumn,
    Resources,
    Unseen,
)
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS
from tests.benchmarks.project import ROUNDS, ROWS
from tests.model_support import kept

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

WIDE = 19
CHUNK = 65_536
ORIGIN = Origin("conf/model/m.yaml", 1, "code")
FEATURES = tuple(Column(f"x{i}", ColumnType.FLOAT) for i in range(WIDE))
OUTPUTS = (OutputColumn("score", ColumnType.FLOAT), OutputColumn("seconds", ColumnType.FLOAT))
WEIGHTS = [round(0.1 * (i % 7 - 3), 1) for i in range(WIDE)]

LOGISTIC = {
    LANGUAGES["python"]: """\
import time
import numpy as np

def fit(data, params):
    return np.array(params["weights"])

def score(model, data):
    started = time.perf_counter()
    X = np.column_stack([data[name] for name in getattr(data, 'columns', data)])
    scores = 1 / (1 + np.exp(-(X @ model)))
    return {"score": scores, "seconds": np.full(len(scores), time.perf_counter() - started)}
""",
    LANGUAGES["r"]: """\
fit <- function(data, params) params$weights
score <- function(model, data) {
    started <- as.numeric(Sys.time())
    scores <- drop(1 / (1 + exp(-(as.matrix(data) %*% model))))
    list(score = unname(scores), seconds = rep(as.numeric(Sys.time()) - started, nrow(data)))
}
""",
    LANGUAGES["julia"]: """\
fit(data, params) = params["weights"]
function score(model, data)
    started = time_ns()
    X = reduce(hcat, collect(values(data)))
    scores = 1 ./ (1 .+ exp.(-(X * model)))
    return (score = scores, seconds = fill((time_ns() - started) / 1e9, length(scores)))
end
""",
}
IDENTITY = {
    LANGUAGES["python"]: "def fit(data, params):\n    return 1\n"
    "def score(model, data):\n    return {'score': data['x0'], 'seconds': data['x0'] * 0}\n",
    LANGUAGES["r"]: "fit <- function(data, params) 1\n"
    "score <- function(model, data) list(score = data$x0, seconds = data$x0 * 0)\n",
    LANGUAGES["julia"]: "fit(data, params) = 1\n"
    "score(model, data) = (score = data.x0, seconds = zero(data.x0))\n",
}
SUFFIX = {LANGUAGES["python"]: ".py", LANGUAGES["r"]: ".R", LANGUAGES["julia"]: ".jl"}
CASES = [
    (LANGUAGES["r"], ""),
    (LANGUAGES["julia"], ""),
    (LANGUAGES["python"], "numpy"),
    (LANGUAGES["python"], "pandas"),
    (LANGUAGES["python"], "polars"),
]


@dataclass(frozen=True)
class Stream:
    """Seconds of one stream: from first to last, and of the model's own computing."""

    wall: float
    model: float


def spec(language: Language, folder: Path, code: str, data: str = "numpy", **changes) -> runtimes.WorkerSpec:
    folder.chmod(0o755)
    path = folder / f"model{SUFFIX[language]}"
    path.write_text(code)
    values = {
        "name": "bench",
        "language": language,
        "model": kept(path),
        "task": TASKS["regression"],
        "parameters": {"weights": WEIGHTS},
        "data": data or "pandas",
        "environment": Environment(),
        "features": Schema(FEATURES),
        "target": Column("y", ColumnType.FLOAT),
        "outputs": OUTPUTS,
        "unseen": Unseen.MISSING,
        "resources": Resources(memory=8 * 2**30, start_limit=dt.timedelta(seconds=120)),
        "seed": 7,
        "sandbox": SandboxPolicy.REQUIRE,
        "log": print,
    }
    return runtimes.WorkerSpec(**(values | changes))


def rows() -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return pl.DataFrame({c.name: rng.normal(size=ROWS) for c in FEATURES})


def stream(worker: runtimes.Worker, sent: pl.DataFrame) -> tuple[Stream, pl.Series]:
    started = time.perf_counter()
    chunks = list(worker.score_stream(sent.iter_slices(CHUNK)))
    wall = time.perf_counter() - started
    return Stream(wall, sum(chunk["seconds"][0] for chunk in chunks)), pl.concat(chunks)["score"]


def streams(worker: runtimes.Worker, sent: pl.DataFrame) -> tuple[list[Stream], pl.Series]:
    worker.fit([sent.head(2).with_columns(y=pl.lit(0.0))])
    _, scores = stream(worker, sent)
    return [stream(worker, sent)[0] for _ in range(ROUNDS)], scores


def test_transport_on_top_of_the_model(tmp_path, capsys):
    sent = rows()
    expected = 1 / (1 + np.exp(-(sent.to_numpy() @ np.array(WEIGHTS))))
    lines = []
    for language, data in CASES:
        with runtimes.start(spec(language, tmp_path, LOGISTIC[language], data)) as worker:
            found, scores = streams(worker, sent)
        assert np.abs(scores.to_numpy() - expected).max() < 1e-9
        with runtimes.start(spec(language, tmp_path, IDENTITY[language], data)) as worker:
            alone, scores = streams(worker, sent)
        assert scores.equals(sent["x0"].alias("score"))
        wall, model, top = (
            statistics.median(get(s) for s in found)
            for get in (lambda s: s.wall, lambda s: s.model, lambda s: s.wall - s.model)
        )
        identity = statistics.median(s.wall for s in alone)
        name = f"{language.value} {data}"
        lines.append(f"  {name:16} {wall:8.3f} s {model:8.3f} s {top:8.3f} s {identity:12.3f} s")
    with capsys.disabled():
        print(f"\n{ROWS:,} rows x {WIDE} floats    wall      model   on top of it   identity alone")
        print("\n".join(lines))


def test_workers_get_ready(tmp_path, capsys):
    linear = Estimator("sklearn.linear_model.LinearRegression", {}, "", ORIGIN)
    cases = {
        "r": spec(LANGUAGES["r"], tmp_path, IDENTITY[LANGUAGES["r"]]),
        "julia": spec(LANGUAGES["julia"], tmp_path, IDENTITY[LANGUAGES["julia"]]),
        "python": spec(LANGUAGES["python"], tmp_path, IDENTITY[LANGUAGES["python"]]),
        "python, sklearn": spec(LANGUAGES["python"], tmp_path, IDENTITY[LANGUAGES["python"]], model=linear),
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            started = time.perf_counter()
            with runtimes.start(case) as worker:
                assert worker.info.version
                found[name].append(time.perf_counter() - started)
    with capsys.disabled():
        print("\nfrom start to ready, with the model's code or class loaded (median)")
        for name, seconds in found.items():
            print(f"  {name:16} {statistics.median(seconds):8.3f} s")
