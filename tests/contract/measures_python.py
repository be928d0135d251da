"""Measures in Python; the other languages' say the same."""

SUFFIX = ".py"
MEASURES = {
    "cost": """\
import numpy as np
import pandas as pd

def loss(truth, score, data):
    assert list(score.columns) == ["home", "légal aid", "motor"], list(score.columns)
    assert list(truth.cat.categories) == list(score.columns), truth
    assert list(data.columns) == ["region", "minutes", "n"], list(data.columns)
    given = score.to_numpy()[np.arange(len(truth)), truth.cat.codes]
    return (1 - given) * data["minutes"].fillna(1) + 0.1 * (data["region"] == "north") + data["n"] / 8
""",
    "review": """\
def metric(truth, score, data):
    best = score.columns[score.to_numpy().argmax(axis=1)]
    hits = best == truth.astype(object)
    return {"cost_per_claim": (data["n"] * ~hits).sum() / len(data), "hits": hits.mean()}
""",
    "single": """\
def loss(truth, score, data):
    return abs(score - truth) * data["n"]
""",
    "yes": """\
def metric(truth, score, data):
    assert truth.dtype == bool, truth.dtype
    return {"hits": ((score > 0.5) == truth).sum()}
""",
    "raises": """\
def helper(truth):
    raise ValueError(f"odd value {truth.iloc[0]} of a claim")  # here

def loss(truth, score, data):
    return helper(truth)
""",
    "short": "def loss(truth, score, data):\n    return [1.0, 2.0]\n",
    "missing": "def loss(truth, score, data):\n    return truth.where(score < 3)\n",
    "infinite": "def metric(truth, score, data):\n    return {'hits': float('inf'), 'cost': 1}\n",
    "table": "def loss(truth, score, data):\n    return {'loss': truth}\n",
    "text": "def loss(truth, score, data):\n    return truth.astype(str)\n",
    "chance": "import random\ndef loss(truth, score, data):\n    return truth * 0 + random.random()\n",
    "ranked": "def loss(truth, score, data):\n    return truth + 0.001 * data.index\n",
    "relative": "def loss(truth, score, data):\n    return truth / truth.mean()\n",
    "first": "def metric(truth, score, data):\n    return {'hits': truth.iloc[0], 'cost': 1}\n",
    "lacks": "def metric(truth, score, data):\n    return {'cost': 1.0}\n",
    "more": "def metric(truth, score, data):\n    return {'cost': 1.0, 'hits': 1.0, 'extra': 1.0}\n",
    "vague": "def metric(truth, score, data):\n    return {'cost': 'cheap', 'hits': 1.0}\n",
    "unnamed": "def metric(truth, score, data):\n    return [1.0, 2.0]\n",
    "nothing": "def score(truth, score, data):\n    return truth\n",
    "broken": "x = 1\ndef loss(truth, score, data:\n    return truth\n",
}
