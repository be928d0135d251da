"""The same by hand in Python. Usage: native.py train DATA MODEL | score DATA MODEL SCORES.

Columns of DATA: the key, 19 features, the label; all numbers. A fifth of the rows is kept for measuring.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

work, source, stored = sys.argv[1:4]
data = pd.read_csv(source)
X, y = data.drop(columns=["customer_id", "churned"]).to_numpy(), data["churned"].to_numpy()
if work == "train":
    kept = np.arange(len(y)) % 5 == 4
    model = LogisticRegression(max_iter=200).fit(X[~kept], y[~kept])
    print("log loss", log_loss(y[kept], model.predict_proba(X[kept])[:, 1]))
    Path(stored).write_bytes(pickle.dumps(model))
else:
    model = pickle.loads(Path(stored).read_bytes())
    scores = model.predict_proba(X)[:, 1]
    pd.DataFrame({"customer_id": data["customer_id"], "score": scores}).to_csv(sys.argv[4], index=False)
