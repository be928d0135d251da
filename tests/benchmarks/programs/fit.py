"""Fits the logistic regression that the bare programs score with. Usage: fit.py DATA MODEL."""

import pickle
import sys
from pathlib import Path

import polars as pl
from sklearn.linear_model import LogisticRegression

features = [f"x{i}" for i in range(16)] + [f"k{i}" for i in range(3)]
d = pl.read_parquet(sys.argv[1]).head(100_000)
model = LogisticRegression(max_iter=200).fit(d.select(features).to_numpy(), d["churned"].to_numpy())
Path(sys.argv[2]).write_bytes(pickle.dumps(model))
