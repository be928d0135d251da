"""The floor: one pass, no framework, scores encrypted in segments. Usage: floor.py DATA MODEL DATABASE."""

import io
import os
import pickle
import sqlite3
import sys
from pathlib import Path

import polars as pl
from cryptography.cobblestone import Cobblestone256Encryptor

features = [f"x{i}" for i in range(16)] + [f"k{i}" for i in range(3)]
model = pickle.loads(Path(sys.argv[2]).read_bytes())
d = pl.read_parquet(sys.argv[1], columns=["customer_id", *features])
scores = model.predict_proba(d.select(features).to_numpy())[:, 1]
out = d.select("customer_id").with_columns(score=pl.Series(scores))
db = sqlite3.connect(sys.argv[3])
db.execute("drop table if exists scores")
db.execute("create table scores (seq integer primary key, chunk blob)")
key = os.urandom(32)
for seq, start in enumerate(range(0, len(out), 65_536)):
    chunk = io.BytesIO()
    out.slice(start, 65_536).write_ipc(chunk, compression="zstd")
    e = Cobblestone256Encryptor(key, b"scores/%d" % seq)
    db.execute("insert into scores values (?, ?)", (seq, e.update(chunk.getvalue()) + e.finalize()))
db.commit()
