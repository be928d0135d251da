"""Luigi, pandas, Fernet per row and to_sql, as written by hand. Usage: by_hand.py DATA MODEL DATABASE."""

import pickle
import sys
from pathlib import Path

import luigi
import pandas as pd
import sqlalchemy as sa
from cryptography.fernet import Fernet

features = [f"x{i}" for i in range(16)] + [f"k{i}" for i in range(3)]


class Score(luigi.Task):
    done = False

    def complete(self):
        return self.done

    def run(self):
        model = pickle.loads(Path(sys.argv[2]).read_bytes())
        d = pd.read_parquet(sys.argv[1])
        key = Fernet(Fernet.generate_key())
        p = model.predict_proba(d[features].to_numpy())[:, 1]
        sealed = [key.encrypt(b"%.6f" % v) for v in p]
        out = pd.DataFrame({"customer_id": d["customer_id"], "score": sealed})
        engine = sa.create_engine(f"sqlite:///{sys.argv[3]}")
        out.to_sql("scores", engine, if_exists="replace", index=False, chunksize=100_000)
        self.done = True


sys.exit(not luigi.build([Score()], local_scheduler=True, log_level="ERROR"))
