"""The output of a model, which a reader gives that is handed in; here it reads a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from kronkers_batch.data.sources.window_rows import within
from kronkers_batch.data.window import Window

DECLARED = "output: upstream"
BESIDE = {
    "source/below.yaml": """\
department: operations
kind: csv
path: data/below.csv
columns: {{{columns}}}
""",
    "model/upstream.yaml": """\
defaults: [/template/regressor]
department: operations
owner: Ada Lovelace
language: r
estimator: {{function: "stats::glm", formula: "x ~ id"}}
source: below
features: [id]
target: x
key: [id, at, name, ok]
output: {{columns: {{x: float}}, evaluate: score}}
""",
}
SPOILED = r"output of upstream"


def write(folder: Path, rows: pl.DataFrame) -> None:
    rows.write_parquet(folder / "data/published.parquet")


def remove(folder: Path) -> None:
    (folder / "data/published.parquet").unlink()


def outputs(folder: Path) -> Callable[[str, Window], Iterator[pl.DataFrame]] | None:
    published = folder / "data/published.parquet"

    def read(model: str, window: Window) -> Iterator[pl.DataFrame]:
        assert model == "upstream"
        yield within(pl.read_parquet(published), "at", window)

    return read if published.exists() else None


def heads(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / "data/published.parquet").read_bytes()).hexdigest()]
