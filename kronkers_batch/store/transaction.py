"""Whether this thread is inside a write transaction, and a refusal of what must not happen in one.

A write transaction holds SQLite's only write lock, and on a server the locks of what it changed. Whoever
waits in one for a worker, for model code or for the network makes every other writer wait too, for as long as
that takes; and a process that is stopped meanwhile blocks them for ever.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

WRITES = "kronkers_write"
"""The execution option of a connection that says whether its transactions write."""


class _Depth(threading.local):
    value = 0


_depth = _Depth()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """While the block runs, this thread holds a write transaction."""
    _depth.value += 1
    try:
        yield
    finally:
        _depth.value -= 1


def writes(connection: Connection) -> bool:
    """Whether a connection's transaction is a write transaction."""
    return bool(connection.get_execution_options().get(WRITES, False))


def refuse_inside(what: str) -> None:
    """Raises RuntimeError, a fault of the program, where this thread holds a write transaction.

    Args:
        what: What is about to be waited for, such as ``a worker``.
    """
    if _depth.value:
        raise RuntimeError(
            f"{what} is waited for inside a write transaction, which blocks every other writer"
        )
