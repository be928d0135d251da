"""Several workers, with stand-ins that take their time: order and errors are what is looked at here."""

import threading
import time

import polars as pl
import pytest

from kronkers_batch.errors import ScoreFailed
from kronkers_batch.pipeline.fan import score_stream


class Slow:
    """Takes chunks ahead, as a real worker's stream does, and more time for some than for others."""

    def __init__(self, delay, fail_at=None):
        self.delay, self.fail_at, self.scored = delay, fail_at, 0

    def score_stream(self, chunks):
        source, waiting = iter(chunks), []
        more = True
        while more or waiting:
            while more and len(waiting) < 3:
                chunk = next(source, None)
                more = chunk is not None
                waiting += [chunk] if more else []
            if waiting:
                frame = waiting.pop(0)
                time.sleep(self.delay)
                if frame["x"][0] == self.fail_at:
                    raise ScoreFailed("no")
                self.scored += 1
                yield frame


def chunks(count):
    return (pl.DataFrame({"x": [i]}) for i in range(count))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 40])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_scores_come_in_the_chunks_order(count, workers):
    feeds = [Slow(0.001 * (1 + i * 3)) for i in range(workers)]
    assert [f["x"][0] for f in score_stream(feeds, chunks(count))] == list(range(count))
    if count >= workers:
        assert all(feed.scored for feed in feeds)


def test_what_a_worker_raises_comes_after_the_scores_before_it():
    seen = []
    stream = (frame["x"][0] for frame in score_stream([Slow(0.001), Slow(0.001, fail_at=5)], chunks(20)))
    with pytest.raises(ScoreFailed):
        seen.extend(stream)
    assert seen == [0, 1, 2, 3, 4]
    assert not [t for t in threading.enumerate() if t.name == "worker-feed"]


def test_stopping_early_ends_the_threads():
    stream = score_stream([Slow(0.001), Slow(0.001)], chunks(100))
    next(stream)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name == "worker-feed"]


def test_a_source_that_fails_ends_the_threads():
    def broken():
        yield pl.DataFrame({"x": [0]})
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the source's own error, as it is
        list(score_stream([Slow(0.001), Slow(0.001)], broken()))
    assert not [t for t in threading.enumerate() if t.name == "worker-feed"]
