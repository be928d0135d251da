"""One CSV file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

PATH = "data/things.csv"
DECLARED = "path: '{path}'"
SPOILED = r"data/things\.csv: .*, the first in line 3"


def write(folder: Path, rows: pl.DataFrame) -> None:
    rows.write_csv(folder / PATH, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")


def remove(folder: Path) -> None:
    (folder / PATH).unlink()
