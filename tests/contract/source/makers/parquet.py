"""One Parquet file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

PATH = "data/things.parquet"
DECLARED = "path: '{path}'"
SPOILED = r"data/things\.parquet"  # a type is that of all rows, so there is no line


def write(folder: Path, rows: pl.DataFrame) -> None:
    rows.write_parquet(folder / PATH)


def remove(folder: Path) -> None:
    (folder / PATH).unlink()
