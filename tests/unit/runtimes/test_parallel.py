"""What models do with several processes and threads goes on working under the filter of system calls."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.languages import LANGUAGES
from tests.contract.conftest import Lab, lab

pytestmark = pytest.mark.interpreter


__all__ = ["lab"]

CODE = {
    LANGUAGES["python"]: """import multiprocessing, os, subprocess, threading
import joblib, numpy as np, polars as pl
from concurrent.futures import ProcessPoolExecutor
from sklearn.ensemble import RandomForestRegressor
def double(x):
    return 2 * x
def fit(data, params):
    x = np.arange(200.0).reshape(-1, 1)
    RandomForestRegressor(n_estimators=4, n_jobs=2).fit(x, x[:, 0]).predict(x)
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-i) for i in range(4)) == [0, 1, 2, 3]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(double, [1, 2]) == [2, 4]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
    both = multiprocessing.Pipe()
    both[0].send("x")
    assert both[1].recv() == "x"
    assert pl.DataFrame({"a": range(10_000)}).lazy().group_by(pl.col("a") % 7).len().collect().height == 7
    assert subprocess.check_output(["/bin/sh", "-c", "echo x | cat"]) == b"x\\n"
    return 1
def score(model, data):
    return [1.0] * len(data)
""",
    LANGUAGES["r"]: """fit <- function(data, params) {
    stopifnot(identical(unlist(parallel::mclapply(1:4, function(i) 2L * i, mc.cores = 2)), 2L * 1:4))
    d <- data.frame(x = 1:100 + 0, y = 1:100 + 0)
    ranger::ranger(y ~ x, d, num.trees = 10, num.threads = 2)
    stopifnot(system2("sh", c("-c", shQuote("echo x | cat")), stdout = TRUE) == "x")
    1
}
score <- function(model, data) rep(1, nrow(data))
""",
    LANGUAGES["julia"]: """function fit(data, params)
    found = zeros(Int, 8)
    Threads.@threads for i in 1:8
        found[i] = 2i
    end
    @assert found == 2:2:16
    @assert read(pipeline(`echo x`, `cat`), String) == "x\\n"
    return 1
end
score(model, data) = fill(1.0, length(data.x))
""",
}


def test_processes_threads_and_pipes(lab: Lab) -> None:
    path: Path = lab.folder / "parallel" / f"model{lab.models.SUFFIX}"
    path.parent.mkdir(mode=0o755)
    path.write_text(CODE[lab.language])
    spec = lab.spec("parallel", memory=4 * 2**30)
    with runtimes.start(spec) as worker:
        worker.fit([pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})])
        assert worker.score(pl.DataFrame({"x": [1.0]}))["score"].to_list() == [1.0]
