"""One key out of a small output and out of one with many times as many rows, looked up in turn.

``make bench`` prints milliseconds by the clock and of the processor, and the ratio of the two sizes: what a
lookup costs hangs on the number of groups of filters, hardly on that of rows. Nothing is asserted of times.
The small output has KRONKERS_BENCH_ROWS (1,000,000), the large one ten times those; with KRONKERS_BENCH_LARGE
a hundred times.
"""

import datetime as dt
import random
import statistics
import time

import numpy as np
import polars as pl
import pytest

import kronkers_batch
from kronkers_batch.bootstrap import open_system
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from tests.benchmarks.project import FEATURES, LARGE, ROWS, Project
from tests.benchmarks.test_scoring import COLUMNS, MODEL, SOURCE

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

SCHEMA = Schema((Column("customer_id", ColumnType.INTEGER), Column("score", ColumnType.FLOAT)))
LOOKUPS = 300


def project_with_outputs(folder, sizes: dict[dt.date, int]) -> tuple[Project, tuple[str]]:
    """A model with an output of so many rows a date, written as a run does; and the overrides to open it."""
    project = Project(folder, ".parquet")
    columns = ", ".join(f"{n}: {t}" for n, t in COLUMNS.items())
    project.write("source/customers.yaml", SOURCE.format(data=project.source, columns=columns))
    project.write("model/churn.yaml", MODEL.format(features=", ".join(FEATURES)))
    overrides = (f"home={folder / 'var'}",)
    services = open_system(project.conf, overrides, first_run=True)
    size, scores = services.config.executor.piece_rows, np.random.default_rng(1)
    for date, rows in sizes.items():
        writer = services.warehouse.begin("churn", "bench", date, "a" * 64, SCHEMA, ("customer_id",))
        for number, start in enumerate(range(0, rows, size)):
            keys = np.arange(start, min(rows, start + size))
            writer.put(number, pl.DataFrame({"customer_id": keys, "score": scores.random(len(keys))}))
        writer.finish({"model_version": "churn@1"}, {"rows": float(rows)})
    services.close()
    return project, overrides


def test_one_key_of_a_small_and_of_a_large_output(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    small, large = dt.date(2024, 1, 1), dt.date(2024, 1, 2)
    sizes = {small: ROWS, large: (100 if LARGE else 10) * ROWS}
    project, overrides = project_with_outputs(tmp_path, sizes)
    clock, processor = ({date: [] for date in sizes} for _ in range(2))
    with kronkers_batch.open(project.conf, overrides) as system:
        for number in range(LOOKUPS + 20):
            for date, rows in sizes.items():  # in turn, so that the machine's moods meet both alike
                key = random.randrange(rows)
                began, spent = time.perf_counter(), time.process_time()
                found = system.read("churn", date, keys=[key])
                ended = time.perf_counter() - began, time.process_time() - spent
                assert found["customer_id"].to_list() == [key]
                if number >= 20:
                    clock[date].append(1000 * ended[0])
                    processor[date].append(1000 * ended[1])
    with capsys.disabled():
        print(f"\n{'one key out of':>14}  {'median':>9} {'of 20 the slowest':>18} {'processor':>10}")
        for date, rows in sizes.items():
            late = statistics.quantiles(clock[date], n=20)[-1]
            print(f"{rows:>14,}  {statistics.median(clock[date]):6.1f} ms {late:15.1f} ms", end=" ")
            print(f"{statistics.median(processor[date]):7.1f} ms")
        ratio = statistics.median(processor[large]) / statistics.median(processor[small])
        print(
            f"of the processor {ratio:.2f} times as long for {sizes[large] / sizes[small]:.0f} times the rows"
        )
