"""One file of JSON lines, with a line before them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

PATH = "data/things.jsonl"
DECLARED = """\
path: '{path}'
skip: 1
"""
SPOILED = r"data/things\.jsonl: .*, the first in line 3"


def write(folder: Path, rows: pl.DataFrame) -> None:
    stored = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    (folder / PATH).write_text("# things\n" + stored.write_ndjson())


def remove(folder: Path) -> None:
    (folder / PATH).unlink()
