"""Chunks through several workers at once, their scores in the chunks' order."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kronkers_batch.ahead import ahead
from kronkers_batch.stopping import Interrupted

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker
    from kronkers_batch.runtimes.scoring_stream import Chunk

# A worker's stream takes three chunks before it hands out the first one's scores; one more waits ready.
_IN_FLIGHT = 4


def score_stream(workers: Sequence[Worker], chunks: Iterable[Chunk]) -> Iterator[pl.DataFrame]:
    """The scores of each chunk, in order; chunks go to the workers in turn.

    ``chunks`` is iterated in the caller's thread. Raises what a worker raises, of the earliest chunk first.
    """
    if len(workers) == 1:
        yield from workers[0].score_stream(chunks)
        return
    feeds = [_Feed(worker) for worker in workers]
    turns = itertools.cycle(feeds)

    def taken() -> Iterator[Chunk]:
        yield from chunks
        for feed in feeds:
            feed.chunks.put(None)

    def begin(chunk: Chunk) -> _Feed:
        feed = next(turns)
        feed.chunks.put(chunk)
        return feed

    try:
        yield from ahead(taken(), _IN_FLIGHT * len(feeds) - 1, begin, _Feed.next)
    finally:
        for feed in feeds:
            feed.chunks.put(None)
        for feed in feeds:
            feed.thread.join()


class _Feed:
    """One worker's thread, with its chunks and its scores."""

    def __init__(self, worker: Worker) -> None:
        self.chunks = queue.SimpleQueue["Chunk | None"]()
        self._scores = queue.SimpleQueue["pl.DataFrame | Exception | Interrupted"]()
        self._worker = worker
        self.thread = threading.Thread(target=self._run, name="worker-feed", daemon=True)
        self.thread.start()

    def next(self) -> pl.DataFrame:
        """The next chunk's scores, or what the worker raised."""
        found = self._scores.get()
        if isinstance(found, Exception | Interrupted):
            raise found
        return found

    def _taken(self) -> Iterator[Chunk]:
        while (chunk := self.chunks.get()) is not None:
            yield chunk

    def _run(self) -> None:
        try:
            for scores in self._worker.score_stream(self._taken()):
                self._scores.put(scores)
        except (Exception, Interrupted) as problem:  # it is raised in the thread that asks for the scores
            self._scores.put(problem)
