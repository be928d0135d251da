"""Work that is begun ahead of whoever takes its results, by a bound, and gives them in order.

Whether threads, another process or nobody else works is the caller's: ``begin`` starts one and ``end`` waits
for it. So memory holds a fixed number of items, however many there are.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from kronkers_batch import stopping

S = TypeVar("S")
B = TypeVar("B")
T = TypeVar("T")


def ahead(
    items: Iterable[S],
    most: int,
    begin: Callable[[S], B],
    end: Callable[[B], T],
    begun: deque[B] | None = None,
) -> Iterator[T]:
    """The results of all items, in order.

    ``items`` is iterated in the caller's thread, and ends before the last ``most`` results are waited for.

    Args:
        items: What is to be done.
        most: How many are begun beyond the one whose result is waited for.
        begin: Starts one; what it returns is handed to ``end``.
        end: Waits for its result. What it raises ends the iteration.
        begun: Holds what was begun and not ended, for a caller that must end it however the iteration ends.
    """
    waiting = deque[B]() if begun is None else begun
    for item in items:
        stopping.check()
        waiting.append(begin(item))
        if len(waiting) > most:
            yield end(waiting.popleft())
    while waiting:
        stopping.check()
        yield end(waiting.popleft())


@contextlib.contextmanager
def threads(many: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that are gone when the block ends; what they had not begun by then is never done."""
    pool = ThreadPoolExecutor(many, thread_name_prefix=f"kronkers-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def by_threads(
    items: Iterable[S], work: Callable[[S], T], most: int, name: str, many: int = 1
) -> Iterator[T]:
    """As :func:`ahead`, where threads do the work."""
    with threads(many, name) as pool:

        def begin(item: S) -> Future[T]:
            return pool.submit(work, item)

        yield from ahead(items, most, begin, Future.result)
