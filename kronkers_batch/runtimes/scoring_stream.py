"""Chunks through a worker, the next ones on their way while one is scored."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from kronkers_batch.ahead import ahead
from kronkers_batch.errors import ScoreFailed, WorkerFailed
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.wire import Buffer
from kronkers_batch.runtimes.protocol import TimedOut, WorkerGone
from kronkers_batch.stopping import Interrupted

AHEAD = 2
"""Chunks that are taken before the oldest one's scores are read."""

Chunk = pl.DataFrame | Horizon
"""What is scored at once."""
Encode = Callable[[Chunk], list[Buffer]]
Send = Callable[[list[Buffer]], None]
Receive = Callable[[int], pl.DataFrame]


def pipelined(
    chunks: Iterable[Chunk], encode: Encode, send: Send, receive: Receive
) -> Iterator[pl.DataFrame]:
    """The scores of each chunk, in order.

    ``chunks`` is iterated in the caller's thread; another thread encodes and sends. However the iteration
    ends, every chunk that was sent has had its answer read, so that the next command gets its own.

    Args:
        chunks: Frames to score.
        encode: A frame's buffers; may raise DataError.
        send: Writes one score command; may raise WorkerGone or TimedOut.
        receive: The scores of so many rows; raises ScoreFailed or WorkerFailed.
    """
    writer = _Writer(encode, send)
    waiting = deque[int]()  # rows of the chunks handed to the writer

    def begin(chunk: Chunk) -> int:
        writer.chunks.put(chunk)
        return chunk.height

    def end(rows: int) -> pl.DataFrame:
        _await_sending(writer, waiting)
        return receive(rows)

    try:
        yield from ahead(chunks, AHEAD, begin, end, waiting)
    except WorkerFailed:
        waiting.clear()
        raise
    finally:
        writer.chunks.put(None)
        _drain(writer, waiting, receive)
        writer.thread.join()


class _Writer:
    """The sending thread. For each chunk it says None when it begins to send, or the problem and ends."""

    def __init__(self, encode: Encode, send: Send) -> None:
        self.chunks = queue.SimpleQueue[Chunk | None]()
        self.said = queue.SimpleQueue[Exception | Interrupted | None]()
        self._encode, self._send = encode, send
        self.thread = threading.Thread(target=self._run, name="worker-writer", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while (chunk := self.chunks.get()) is not None:
                buffers = self._encode(chunk)
                self.said.put(None)
                self._send(buffers)
        except (WorkerGone, TimedOut):
            pass  # whoever reads the answer to this chunk sees it too, and knows more
        except (Exception, Interrupted) as problem:  # it is raised in the caller's thread
            self.said.put(problem)
        finally:
            self.said.put(WorkerFailed("the worker takes no more chunks"))


def _await_sending(writer: _Writer, waiting: deque[int]) -> None:
    problem = writer.said.get()
    if problem is not None:
        waiting.clear()  # all that was sent before has been answered, and nothing was sent after
        raise problem


def _drain(writer: _Writer, waiting: deque[int], receive: Receive) -> None:
    while waiting and writer.said.get() is None:
        try:
            receive(waiting.popleft())
        except ScoreFailed:
            continue
        except (WorkerFailed, Interrupted):
            return
