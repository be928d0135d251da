"""A CSV file in a package that is installed in a folder of the project."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from tests.contract.source.makers import csv

DECLARED = """\
package: contracted-things
path: rows/data/things.csv
"""
SPOILED = r"data/things\.csv: .*, the first in line 3"


def write(folder: Path, rows: pl.DataFrame) -> None:
    site = folder / "site"
    (site / "rows/data").mkdir(parents=True, exist_ok=True)
    csv.write(site / "rows", rows)
    installed = site / "contracted_things-1.0.dist-info"
    installed.mkdir(exist_ok=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: contracted-things\nVersion: 1.0\n")
    (installed / "RECORD").write_text("rows/data/things.csv,,\n")
    if str(site) not in sys.path:
        sys.path.insert(0, str(site))


def remove(folder: Path) -> None:
    (folder / "site/contracted_things-1.0.dist-info/METADATA").unlink()
    (folder / "site/contracted_things-1.0.dist-info/RECORD").unlink()
    (folder / "site/contracted_things-1.0.dist-info").rmdir()
