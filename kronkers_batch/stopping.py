"""A stop that somebody asks for, as by Ctrl-C: it is met where nothing is half done.

Python's own answer to the signal is an exception between any two steps of the main thread: inside a
transaction that nobody ends then, beside a thread that it waits for, in a library that catches it and goes
on. So a run only hears that it is to stop. It stops between two tasks or two chunks, and every thread that
waits for a worker stops waiting.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop."""


class _Request:
    """Whether this process was asked to stop, and a descriptor that can be read from then on."""

    def __init__(self) -> None:
        self.descriptor = -1
        self.at_once = False


_request = _Request()


@contextlib.contextmanager
def heard() -> Iterator[Callable[[], None]]:
    """Within the block, what it yields asks to stop; a signal's handler may call it, and any thread.

    There is one such block in a process at a time.
    """
    if _request.descriptor >= 0:
        raise RuntimeError("somebody hears already whether this process is to stop")
    _request.descriptor = os.eventfd(0)
    try:
        yield _ask
    finally:
        closed, _request.descriptor = _request.descriptor, -1
        os.close(closed)


def _ask() -> None:
    os.eventfd_write(_request.descriptor, 1)
    if _request.at_once:
        raise Interrupted


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within the block a stop is raised where it is asked for: other processes work, and this one waits."""
    check()
    _request.at_once = True
    try:
        yield
    finally:
        _request.at_once = False


def check() -> None:
    """Raises Interrupted if it was asked for."""
    if _request.descriptor >= 0 and select.select([_request.descriptor], [], [], 0)[0]:
        raise Interrupted


def descriptor() -> int | None:
    """What can be read once a stop was asked for: for ``select`` alone. None where nobody hears."""
    return _request.descriptor if _request.descriptor >= 0 else None
