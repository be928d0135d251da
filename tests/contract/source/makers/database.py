"""A table of a SQLite file; ``tests/faults/test_postgres_source.py`` has what is special about a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

PATH = "data/things.db"
DECLARED = """\
url: 'sqlite:///{path}'
query: rows
watermark: SELECT count(*) || ' ' || total(x) FROM rows
"""
SPOILED = r"sqlite /.*/data/things\.db"


def write(folder: Path, rows: pl.DataFrame) -> None:
    stored = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S%.6f"))
    with closing(sqlite3.connect(folder / PATH)) as db, db:
        db.execute("DROP TABLE IF EXISTS rows")
        db.execute(f"CREATE TABLE rows ({', '.join(stored.columns)})")
        db.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * stored.width)})", stored.rows())


def remove(folder: Path) -> None:
    (folder / PATH).unlink()
