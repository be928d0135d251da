"""An order within groups, for the suite that every kind of task passes."""

import numpy as np
from sklearn.metrics import ndcg_score

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(group="g"), Goal(group="g", at=3), Goal(group="g", at=50))
TARGETS = (
    (Goal(group="g"), [0, 1, 3, None]),
    (Goal(group="g"), [0.0, 0.5]),
    (Goal(group="g"), [True, False]),
)
WRONG_TARGETS = ((Goal(group="g"), [-1, -2]), (Goal(group="g"), [-0.5, float("nan"), float("inf")]))
WRONG_SCORES = []


def drawn(rng, goal):
    groups = np.repeat(np.arange(60), rng.integers(1, 25, 60))  # some of one row
    truth = rng.integers(0, 4, len(groups)).astype(float)
    truth[groups % 10 == 7] = 0  # nothing is relevant in some groups
    score = np.round(truth + rng.normal(size=len(groups)), 1)  # rounded: there are ties
    order = rng.permutation(len(groups))
    return Rows(truth[order], score[order][:, None], np.ones(len(groups)), goal, groups[order])


def perfect(rows):
    return rows.truth[:, None]


def ndcg(rows):
    found = []
    for group in set(rows.groups):
        of = rows.groups == group
        if sum(of) > 1 and max(rows.truth[of]) > 0:
            found.append(ndcg_score(rows.truth[of][None], rows.only[of][None], k=rows.goal.at or 10))
    return sum(found) / len(found)


def oracles(_goal):
    return {"ndcg": ndcg}


def losses(rows):
    return {"ndcg": 1 - ndcg(rows)}
