"""SQL over a CSV file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.contract.source.makers import csv

DECLARED = """\
query: SELECT * FROM below
inputs: {{below: below}}
"""
BESIDE = {
    "source/below.yaml": """\
department: operations
kind: csv
path: data/things.csv
columns: {{{columns}}}
"""
}
SPOILED = r"source below, .*/things\.csv, input below of .*: source things: .*, the first in line 3"


def write(folder: Path, rows: pl.DataFrame) -> None:
    csv.write(folder, rows)


def remove(folder: Path) -> None:
    csv.remove(folder)
