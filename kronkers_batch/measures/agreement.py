"""How far two versions agree on the same rows: the share of a top that they have in common; the Rand index.

Neither hangs on the order of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kronkers_batch.measures.measured_rows import Floats

HUBERT = "Hubert and Arabie, Journal of Classification 2 (1985) 193-218"


def in_top(score: Floats, count: int) -> Floats:
    """How much of each row is among the ``count`` highest, shape (n,): 0, 1, or between for ties at the edge.

    Equal scores share the places that are left for them, so that no tie is broken by the order of the rows.
    """
    import numpy as np

    edge = np.sort(score)[::-1][count - 1]
    above, tied = score > edge, score == edge
    left = (count - int(above.sum())) / int(tied.sum())
    return np.where(above, 1.0, np.where(tied, left, 0.0))


def overlap(one: Floats, other: Floats, count: int) -> float:
    """The share of the ``count`` highest rows that two scores of the same rows have in common."""
    import numpy as np

    return float(np.minimum(in_top(one, count), in_top(other, count)).sum()) / count


def adjusted_rand(one: Floats, other: Floats) -> float:
    """The adjusted Rand index of two clusterings of the same rows.

    It is 1 where they part the rows alike, and 0 on average where they have nothing to do with each other.
    What clusters are called does not count. NaN where it is undefined: of less than two rows.
    """
    import numpy as np

    if len(one) < 2:
        return math.nan
    _, first = np.unique(one, return_inverse=True)
    _, second = np.unique(other, return_inverse=True)
    both = first.astype(np.int64) * (int(second.max()) + 1) + second
    together, a, b = (_pairs(np.unique(labels, return_counts=True)[1]) for labels in (both, first, second))
    expected = a * b / math.comb(len(one), 2)
    most = (a + b) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(sizes: NDArray[np.int64] | Iterable[int]) -> int:
    """How many pairs of rows lie within one part; whole numbers, exact for any number of rows."""
    return sum(math.comb(int(size), 2) for size in sizes)
