"""Customers with 16 float and 3 integer features and a label; seeded. Usage: make_data.py FILE ROWS.

A ``.parquet`` file also has a category; a ``.csv`` file has numbers alone, so that every language's own
reader may take it for a matrix.
"""

import sys

import numpy as np
import polars as pl

n = int(sys.argv[2])
rng = np.random.default_rng(7)
data = {"customer_id": np.arange(n) + 10_000_000}
data |= {f"x{i}": rng.normal(size=n) for i in range(16)}
data |= {f"k{i}": rng.integers(0, 50, n) for i in range(3)}
data["region"] = np.array(["north", "south", "east", "west"])[rng.integers(0, 4, n)]
logit = sum((i % 3 - 1) * 0.3 * data[f"x{i}"] for i in range(16)) + 0.01 * data["k0"]
data["churned"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int8)
if sys.argv[1].endswith(".csv"):
    pl.DataFrame(data).drop("region").write_csv(sys.argv[1])
else:
    pl.DataFrame(data).write_parquet(sys.argv[1])
