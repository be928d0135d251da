"""Workers that are started ahead of their use, used in turn by several threads, and kept to be used again.

A pool lives as long as its process, which may be weeks. So no lock is held while a worker starts, answers or
ends; a worker goes back only if it can answer the next command; and nothing is left behind at the end.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kronkers_batch.errors import UsageError
from kronkers_batch.stopping import Interrupted

if TYPE_CHECKING:
    from kronkers_batch.runtimes.model_worker import Worker

    Open = Callable[[], Worker]

KEPT = 2
"""Workers that wait, where no other number is declared."""
CLOSED = "the system was closed"
PATIENCE = 10.0
"""Seconds in which those who use a worker may end their work when the pool is closed."""


@dataclass(eq=False)
class _Waiting:
    """A worker that nobody uses: it still starts, or it waits."""

    key: str
    worker: Future[Worker]


@dataclass(eq=False)
class _Use:
    """What one caller holds, from when it asked until it gave all back."""

    count: int
    thread: int = field(default_factory=threading.get_ident)
    workers: list[Worker] = field(default_factory=list)
    opening: bool = True


class WorkerPool:
    """Workers by key. Threads may share one pool; one worker is never with two of them.

    Workers with the same key are alike: any of them serves who asks for the key.

    Args:
        kept: How many wait, started ahead or to be used again; beyond it the one that was not used for
            longest is closed.
        at_once: How many are in use at the same time; who asks for more waits for its turn. The default is
            the number of processors, and at least ``kept``. Two kinds of callers do not wait for others to
            end: one that already holds a worker, and one that is alone and needs more than this number.
    """

    def __init__(self, kept: int = KEPT, at_once: int | None = None) -> None:
        self.kept = kept
        self.at_once = at_once or max(kept, os.cpu_count() or 1)
        self._changed = threading.Condition()  # guards everything below
        self._waiting: list[_Waiting] = []  # the one that was not used for longest comes first
        self._asking = deque[_Use]()  # in the order in which they came
        self._uses: set[_Use] = set()
        self._closed = False
        self._threads = ThreadPoolExecutor(max(self.kept, self.at_once, 1), thread_name_prefix="worker-start")

    # ------------------------------------------------------------ ahead of use

    @property
    def full(self) -> bool:
        """Whether :meth:`prepare` would start nothing more."""
        with self._changed:
            return not self._room()

    def keys(self) -> list[str]:
        """The keys of the workers that wait or still start; the one that was not used for longest first."""
        with self._changed:
            return [one.key for one in self._waiting]

    def prepare(self, key: str, open_worker: Open, count: int = 1) -> None:
        """Starts workers in the background until so many wait for ``key``, or until the pool is full.

        An error of ``open_worker`` is raised for who comes for the worker while it starts; later, it is
        forgotten, and the worker is opened anew.
        """
        with self._changed:
            self._forget_failed()
            there = sum(one.key == key for one in self._waiting)
            for _ in range(there, count):
                if not self._room():
                    return
                self._waiting.append(_Waiting(key, self._threads.submit(open_worker)))

    def _room(self) -> bool:
        self._forget_failed()
        return not self._closed and len(self._waiting) < self.kept

    # ------------------------------------------------------------ use

    @contextmanager
    def use(self, key: str, open_worker: Open) -> Iterator[Worker]:
        """A worker for this key, which no other thread has until the end of the block.

        It goes back into the pool; it is closed if anything failed, or if it cannot answer another command.

        Raises:
            UsageError: The pool is closed. Otherwise what ``open_worker`` raises.
        """
        with self.use_several(key, open_worker, 1) as (worker,):
            yield worker

    @contextmanager
    def use_up(self, key: str, open_worker: Open) -> Iterator[Worker]:
        """As :meth:`use`, but the worker is closed in any case: one that trained still holds its data."""
        with self._turn(1) as use:
            self._gather(use, key, open_worker)
            yield use.workers[0]

    @contextmanager
    def use_several(self, key: str, open_worker: Open, count: int) -> Iterator[tuple[Worker, ...]]:
        """So many workers for this key, started beside each other. As :meth:`use` for each."""
        with self._turn(count) as use:
            self._gather(use, key, open_worker)
            yield tuple(use.workers)
            self._keep(key, use)

    @contextmanager
    def _turn(self, count: int) -> Iterator[_Use]:
        """Waits until so many more workers may be in use. Those that are not kept are closed at the end."""
        use = _Use(count)
        with self._changed:
            self._asking.append(use)
            try:
                self._changed.wait_for(lambda: self._closed or self._may_begin(use))
                self._refuse_if_closed()
                self._uses.add(use)
            finally:
                self._asking.remove(use)
                self._changed.notify_all()
        try:
            yield use
        finally:
            try:
                _close_all(use.workers)
            finally:
                with self._changed:
                    self._uses.discard(use)
                    self._changed.notify_all()

    def _may_begin(self, use: _Use) -> bool:
        if any(other.thread == use.thread for other in self._uses):
            return True  # those in front of it may wait for what it holds
        in_use = sum(other.count for other in self._uses)
        return self._asking[0] is use and (not in_use or in_use + use.count <= self.at_once)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UsageError(
                f"no more workers can start: {CLOSED}", fix="Open the system again: kronkers_batch.open(...)"
            )

    def _gather(self, use: _Use, key: str, open_worker: Open) -> None:
        """Gives workers that wait to ``use``, and opens the others. Raises the first error."""
        starting = self._take(use, key)
        try:
            missing = use.count - len(use.workers) - len(starting)
            with self._changed:
                self._refuse_if_closed()  # nothing is submitted to threads that have ended
                starting += [self._threads.submit(open_worker) for _ in range(missing - 1)]
            if missing:
                use.workers.append(open_worker())
            while starting:
                use.workers.append(starting[0].result())
                del starting[0]
        except BaseException as error:
            for future in starting:
                if isinstance(error, Exception):
                    _close(future)  # what it records is recorded before this use ends
                else:
                    future.add_done_callback(_close)
            raise
        finally:
            with self._changed:
                use.opening = False
                self._changed.notify_all()

    def _take(self, use: _Use, key: str) -> list[Future[Worker]]:
        """Gives ``use`` the workers that wait for ``key`` and can answer; returns those that still start."""
        with self._changed:
            self._forget_failed()
            mine = [one for one in self._waiting if one.key == key][-use.count :]
            self._waiting = [one for one in self._waiting if one not in mine]
        useless: list[Worker] = []
        starting: list[Future[Worker]] = []
        for one in mine:
            if not one.worker.done():
                starting.append(one.worker)
            elif one.worker.exception() is None:
                worker = one.worker.result()
                (use.workers if worker.is_ready() else useless).append(worker)
        _close_all(useless)
        return starting

    def _keep(self, key: str, use: _Use) -> None:
        """Puts the workers of ``use`` back that can answer another command; the others stay with it."""
        good = [worker for worker in use.workers if worker.is_ready()]
        with self._changed:
            if self._closed:
                return
            use.workers = [worker for worker in use.workers if worker not in good]
            for worker in good:
                waiting = _Waiting(key, Future())
                waiting.worker.set_result(worker)
                self._waiting.append(waiting)
            use.workers += self._surplus()

    def _surplus(self) -> list[Worker]:
        """Takes out what is above the number kept, the one unused for longest first; the lock is held.

        One that still starts stays: somebody is about to come for it.
        """
        self._forget_failed()
        started = [one for one in self._waiting if one.worker.done()]
        out = started[: max(0, len(self._waiting) - self.kept)]
        self._waiting = [one for one in self._waiting if one not in out]
        return [one.worker.result() for one in out]

    def _forget_failed(self) -> None:
        """Takes out what failed to start; the lock is held."""
        self._waiting = [one for one in self._waiting if not one.worker.done() or not one.worker.exception()]

    # ------------------------------------------------------------ the end

    def empty(self) -> None:
        """Closes every worker that waits, also those that still start: all that they record is then there."""
        with self._changed:
            mine, self._waiting = self._waiting, []
        for one in mine:
            _close(one.worker)

    def close(self, patience: float = PATIENCE) -> None:
        """Closes every worker; none is started after that, and no process is left.

        Others who use a worker may end their work.

        Args:
            patience: Seconds after which their workers are killed, so that their commands fail.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.empty()
        self._threads.shutdown(wait=False)
        deadline = time.monotonic() + patience
        self._await_others(lambda _use: True, deadline)
        self._kill_others()
        # Who starts one just now is waited for: its start has a limit of its own.
        self._await_others(lambda use: use.opening, float("inf"))
        self._kill_others()
        self._threads.shutdown()

    def _kill_others(self) -> None:
        with self._changed:
            held = [worker for use in self._others() for worker in use.workers]
        for worker in held:
            worker.kill(CLOSED)

    def _others(self) -> list[_Use]:
        return [use for use in self._uses if use.thread != threading.get_ident()]

    def _await_others(self, which: Callable[[_Use], bool], deadline: float) -> None:
        with self._changed:
            while any(which(use) for use in self._others()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, threading.TIMEOUT_MAX))


def _close_all(workers: list[Worker]) -> None:
    """Closes each, whatever becomes of the others. Raises the last error."""
    while workers:
        try:
            workers.pop().close()
        except BaseException:
            _close_all(workers)
            raise


def _close(starting: Future[Worker]) -> None:
    # One that failed to start has nothing to close; whatever failed is met again by whoever uses it.
    with suppress(Exception, Interrupted):
        starting.result().close()
