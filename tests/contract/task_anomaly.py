"""How odd a row is, for the suite that every kind of task passes."""

import numpy as np

from kronkers_batch.learning import Goal, Rows

CASES = (Goal(), Goal(top=7), Goal(higher_is="less_odd", top=7))
TARGETS = ()
WRONG_TARGETS = ()
WRONG_SCORES = [[float("inf")], [float("-inf")]]


def drawn(rng, goal):
    windows = np.repeat([3, 1, 7], [100, 150, 5])  # the last one has no more rows than are chosen
    score = np.round(rng.normal(size=255), 1)  # rounded: there are ties
    champion = np.round(score + rng.normal(size=255) * 0.3, 1)
    champion[100] = np.nan
    return Rows(np.full(255, np.nan), score[:, None], np.ones(255), goal, windows, champion)


def top(scores, count, sense):
    """How much of each row is chosen: ties at the edge share the places that are left."""
    order = sorted((sense * score for score in scores), reverse=True)
    edge = order[count - 1]
    places = (count - sum(score > edge for score in order)) / order.count(edge)
    return [1 if sense * score > edge else places if sense * score == edge else 0 for score in scores]


def overlap(rows):
    sense, found = -1 if rows.goal.higher_is == "less_odd" else 1, []
    for window in set(rows.groups):
        of = (rows.groups == window) & ~np.isnan(rows.champion)
        count = rows.goal.top or max(1, sum(of) // 100)
        if sum(of) > count:
            both = (top(list(scores[of]), count, sense) for scores in (rows.only, rows.champion))
            found.append(sum(map(min, *both)) / count)
    return sum(found) / len(found)


def oracles(goal):
    return {
        "stability.overlap": overlap,
        "distinct": lambda rows: len(set(rows.only)) / len(rows.only),
    }


def losses(_rows):
    return {}
