"""How well scores order the rows of each group: the normalised discounted cumulative gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kronkers_batch.measures.measured_rows import Floats

JARVELIN = "Järvelin and Kekäläinen, ACM Transactions on Information Systems 20 (2002) 422-446"
TIES = "ties averaged as in McSherry and Najork, ECIR 2008"


def discounts(rows: int, at: int) -> Floats:
    """What a gain at each place of a list counts: ``1 / log2(place + 1)`` up to ``at``, then nothing."""
    import numpy as np

    found: Floats = 1 / np.log2(np.arange(rows) + 2.0)
    found[at:] = 0
    return found


def ndcg(relevance: Floats, score: Floats, at: int) -> float:
    """The gain of the order that scores give, as a share of what the best order gives.

    Args:
        relevance: Shape (n,), from 0 on and not all 0; it is the gain itself.
        score: Shape (n,). Rows with equal scores stand at each of their places equally often.
        at: How many places count.
    """
    import numpy as np

    by_place = discounts(len(score), at)
    _, tied, sizes = np.unique(-score, return_inverse=True, return_counts=True)
    mean = np.bincount(tied, weights=relevance) / sizes
    places = np.add.reduceat(by_place, np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    best = np.sort(relevance)[::-1] @ by_place
    return float(mean @ places / best)
