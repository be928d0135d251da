"""Chunks through several workers at once, their scores in the chunks' order."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.worker import Worker

# A worker's stream takes three chunks before it hands out the first one's scores; one more waits ready.
_IN_FLIGHT = 4


def score_stream(workers: Sequence[Worker], chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The scores of each chunk, in order; chunks go to the workers in turn.

    ``chunks`` is iterated in the caller's thread. Raises what a worker raises, of the earliest chunk first.
    """
    if len(workers) == 1:
        yield from workers[0].score_stream(chunks)
        return
    lanes = [_Lane(worker) for worker in workers]
    source, turns, sent = iter(chunks), deque[_Lane](), 0
    more = True
    try:
        while more or turns:
            while more and len(turns) < _IN_FLIGHT * len(lanes):
                chunk = next(source, None)
                if chunk is None:
                    more = False
                    for lane in lanes:
                        lane.chunks.put(None)
                else:
                    lane = lanes[sent % len(lanes)]
                    sent += 1
                    lane.chunks.put(chunk)
                    turns.append(lane)
            if turns:
                yield turns.popleft().next()
    finally:
        for lane in lanes:
            lane.chunks.put(None)
        for lane in lanes:
            lane.thread.join()


class _Lane:
    """One worker's thread, with its chunks and its scores."""

    def __init__(self, worker: Worker) -> None:
        self.chunks = queue.SimpleQueue["pl.DataFrame | None"]()
        self._scores = queue.SimpleQueue["pl.DataFrame | Exception"]()
        self._worker = worker
        self.thread = threading.Thread(target=self._run, name="worker-lane", daemon=True)
        self.thread.start()

    def next(self) -> pl.DataFrame:
        """The next chunk's scores, or what the worker raised."""
        found = self._scores.get()
        if isinstance(found, Exception):
            raise found
        return found

    def _taken(self) -> Iterator[pl.DataFrame]:
        while (chunk := self.chunks.get()) is not None:
            yield chunk

    def _run(self) -> None:
        try:
            for scores in self._worker.score_stream(self._taken()):
                self._scores.put(scores)
        except Exception as problem:  # it is raised in the thread that asks for the scores
            self._scores.put(problem)
