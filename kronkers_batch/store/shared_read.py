"""One read transaction for all that a thread asks while a block runs.

What is asked in many places is then of one time, and what two places ask is asked once (:mod:`.seen`). It
ends where the thread writes, takes a claim or waits for a worker: what it asks afterwards is asked anew.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from kronkers_batch.errors import KronkersError

Begin = Callable[[], contextlib.AbstractContextManager[Connection]]
"""Begins a read transaction."""


class _Shared:
    """A transaction that several readers use; ended by whoever leaves it last."""

    def __init__(self, begin: Begin) -> None:
        self._held = contextlib.ExitStack()
        self.connection = self._held.enter_context(begin())
        self._users, self._lock = 1, threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            self._held.close()


class _Own(threading.local):
    blocks = 0
    shared: _Shared | None = None


class SharedReads:
    """The times of the threads of one database.

    Args:
        begin: Begins a read transaction of its own.
    """

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._own = _Own()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """While the block runs, this thread's reads share a transaction. It begins with the first of them."""
        self._own.blocks += 1
        try:
            yield
        finally:
            self._own.blocks -= 1
            if not self._own.blocks:
                self.end()

    def end(self) -> None:
        """The next read of this thread begins anew; those that are under way go on as they began."""
        shared, self._own.shared = self._own.shared, None
        if shared is not None:
            shared.leave()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: the block's, or one of its own outside a block."""
        if not self._own.blocks:
            with self._begin() as connection:
                yield connection
            return
        shared = self._own.shared
        if shared is None:
            shared = self._own.shared = _Shared(self._begin)
        shared.enter()
        try:
            yield shared.connection
        except Exception as error:
            # On PostgreSQL nothing more can be asked in a transaction in which a statement failed.
            if not isinstance(error, KronkersError):
                self.end()
            raise
        finally:
            shared.leave()
