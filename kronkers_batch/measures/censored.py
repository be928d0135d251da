"""What can be said of times of which some are censored: it is only known that nothing happened until then.

Times are signed: ``t`` where the event happened at t, ``-t`` where the row was observed until t without it.
At equal times events come before the ends of observations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kronkers_batch.measures.measured_rows import Floats

KAPLAN = "Kaplan and Meier, Journal of the American Statistical Association 53 (1958) 457-481"
GRAF = "Graf, Schmoor, Sauerbrei and Schumacher, Statistics in Medicine 18 (1999) 2529-2545"
UNO = "Uno, Cai, Pencina, D'Agostino and Wei, Statistics in Medicine 30 (2011) 1105-1117"


def happened(truth: Floats) -> NDArray[np.bool_]:
    """Where the event happened."""
    found: NDArray[np.bool_] = truth > 0
    return found


def surviving(truth: Floats, at: Floats, *, censoring: bool = False, before: bool = False) -> Floats:
    """The Kaplan-Meier estimate of the share that has had no event by given times.

    Args:
        truth: Signed times, shape (n,).
        at: Times, shape (m,).
        censoring: Estimate the share whose observation has not ended, instead: the event ends it as censored.
        before: By just before these times.
    """
    import numpy as np

    times, number = np.unique(np.abs(truth), return_inverse=True)
    of = happened(truth)
    events = np.bincount(number[of], minlength=len(times))
    ends = np.bincount(number[~of], minlength=len(times))
    present = len(truth) - np.concatenate([[0], np.cumsum(events + ends)[:-1]])
    left = present - events if censoring else present  # events come first
    share = np.divide(ends if censoring else events, left, out=np.zeros(len(times)), where=left > 0)
    curve = np.concatenate([[1.0], np.cumprod(1 - share)])
    found: Floats = curve[np.searchsorted(times, at, side="left" if before else "right")]
    return found


def brier(truth: Floats, score: Floats, horizon: float) -> Floats:
    """The squared error of the probability of an event by a horizon, weighted for what was censored.

    NaN where no row is observed for longer than the horizon.
    """
    import numpy as np

    times, of = np.abs(truth), happened(truth)
    longer = surviving(truth, np.array([horizon]), censoring=True)[0] if times.max() > horizon else math.nan
    at_event = surviving(truth, times, censoring=True, before=True)
    early = of & (times <= horizon)
    found: Floats = np.where(early, (1 - score) ** 2 / np.where(early, at_event, 1), 0.0)
    return found + np.where(times > horizon, score**2 / longer, 0.0 * longer)


def concordance(truth: Floats, score: Floats, horizon: float) -> float:
    """The share of pairs in the right order, of those whose earlier time is an event before the horizon.

    Pairs are weighted for what was censored; equal scores count half. NaN where there is no such pair.
    """
    import numpy as np

    times, of = np.abs(truth), happened(truth)
    weights = surviving(truth, times, censoring=True, before=True)
    _, rank = np.unique(score, return_inverse=True)
    counts = _Counts(int(rank.max()) + 1)
    right = total = 0.0
    order = np.argsort(-times, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(times[order]) != 0]))
    for same in np.split(order, starts[1:]):  # from the latest time on
        for row in same if times[same[0]] < horizon else ():
            if of[row]:
                below, tied = counts.below(int(rank[row])), counts.at(int(rank[row]))
                weight = weights[row] ** -2
                right += weight * (below + 0.5 * tied)
                total += weight * counts.all
        for row in same:
            counts.add(int(rank[row]))
    return right / total if total else math.nan


class _Counts:
    """How many of so many numbers were added, below a number and at it (a Fenwick tree)."""

    def __init__(self, size: int) -> None:
        self._tree, self._own, self.all = [0] * (size + 1), [0] * size, 0

    def add(self, number: int) -> None:
        """One more of this number."""
        self._own[number] += 1
        self.all += 1
        place = number + 1
        while place < len(self._tree):
            self._tree[place] += 1
            place += place & -place

    def at(self, number: int) -> int:
        """How many there are of it."""
        return self._own[number]

    def below(self, number: int) -> int:
        """How many there are of smaller ones."""
        found = 0
        while number:
            found += self._tree[number]
            number -= number & -number
        return found
