"""Messages of the worker protocol (``docs/reference/worker-protocol.md``) over two file descriptors.

What comes back from a worker is untrusted: every line, count and size is bounded before anything is kept.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kronkers_batch import stopping
from kronkers_batch.frames.wire import Buffer, WireError, quoted, unquoted
from kronkers_batch.stopping import Interrupted
from kronkers_batch.store import transaction

VERSION = 1
MAGIC = b"KB1"
MAX_LINE = 16 * 2**20
MAX_ARGUMENTS = 20_000
MAX_ARGUMENT_BYTES = 64 * 2**20
MAX_DEPTH = 64
"""Keys of an argument's path: far more than an answer has, and few enough to show or print a tree."""
PIPE_BYTES = 2**20
MAX_BUFFERS = 512  # of one writev; the kernel takes 1024


class WorkerGone(Exception):
    """The worker closed its end."""


class TimedOut(Exception):
    """The worker did nothing for as long as it may."""


# ---------------------------------------------------------------- arguments


def flatten(arguments: Mapping[str, Any]) -> list[str]:
    """The argument lines of a tree of strings, numbers, booleans, nulls, lists and mappings.

    Raises:
        ValueError: A value is of another type, or an integer is beyond int64.
    """
    lines: list[str] = []
    for key, value in arguments.items():
        _flatten(quoted(str(key)), value, lines)
    return lines


def _flatten(path: str, value: Any, lines: list[str]) -> None:
    match value:
        case None:
            lines.append(f"{path}\tn\t")
        case bool():
            lines.append(f"{path}\tb\t{'true' if value else 'false'}")
        case int():
            if not -(2**63) <= value < 2**63:
                raise ValueError("an integer is beyond 64 bits")
            lines.append(f"{path}\ti\t{value}")
        case float():
            lines.append(f"{path}\tf\t{value.hex()}")
        case str():
            lines.append(f"{path}\ts\t{quoted(value)}")
        case Mapping():
            lines.append(f"{path}\tm\t")
            for key, inner in value.items():
                _flatten(f"{path}/{quoted(str(key))}", inner, lines)
        case list() | tuple():
            lines.append(f"{path}\tl\t")
            for index, inner in enumerate(value):
                _flatten(f"{path}/{index}", inner, lines)
        case _:
            raise ValueError(f"a value of type {type(value).__name__} cannot be sent to a worker")


def unflatten(lines: Iterable[bytes]) -> dict[str, Any]:
    """The inverse of :func:`flatten`. Raises WireError on anything else."""
    root: dict[str, Any] = {}
    nodes: dict[tuple[bytes, ...], dict[str, Any] | list[Any]] = {(): root}
    for line in lines:
        fields = line.split(b"\t")
        if len(fields) != 3:
            raise WireError("an argument does not have 3 fields")
        if fields[0].count(b"/") >= MAX_DEPTH:
            raise WireError("an argument is nested too deeply")
        path = tuple(fields[0].split(b"/"))
        parent = nodes.get(path[:-1])
        if parent is None:
            raise WireError("an argument has no parent")
        value = _parse(fields[1], fields[2])
        if isinstance(value, dict | list):
            nodes[path] = value
        if isinstance(parent, list):
            if path[-1] != str(len(parent)).encode():
                raise WireError("a list's elements are out of order")
            parent.append(value)
        else:
            parent[unquoted(path[-1])] = value
    return root


def _parse(kind: bytes, raw: bytes) -> Any:
    try:
        match kind:
            case b"s":
                return unquoted(raw)
            case b"i" if len(raw) <= 20:
                return int(raw)
            case b"f" if len(raw) <= 40:
                return float.fromhex(raw.decode("ascii"))
            case b"b" if raw in (b"true", b"false"):
                return raw == b"true"
            case b"n":
                return None
            case b"l":
                return []
            case b"m":
                return {}
    except (ValueError, OverflowError):
        pass  # the same answer as for an unknown kind
    raise WireError("an argument's value does not fit its kind")


# ---------------------------------------------------------------- messages


def header(verb: str, arguments: Mapping[str, Any], parts: int | None) -> bytes:
    """The text of a message before its parts. ``parts`` is None where an ``end`` line closes them."""
    lines = flatten(arguments)
    first = f"KB1\t{verb}\t{len(lines)}\t{'*' if parts is None else parts}"
    return "".join(f"{line}\n" for line in (first, *lines)).encode()


def blob(data: Buffer) -> list[Buffer]:
    """The buffers of a blob."""
    return [f"blob\t{len(data)}\n".encode(), data]


@dataclass(frozen=True)
class Answer:
    """A worker's answer without its parts, which are read next from the channel."""

    verb: str
    arguments: Mapping[str, Any]
    parts: int


class Channel:
    """The parent's ends of the two pipes. Both are non-blocking; a deadline bounds every wait.

    ``deadline`` is a time of ``time.monotonic()``; who calls sets it before reading.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        os.set_blocking(commands, False)
        os.set_blocking(answers, False)
        # Held for one system call: a descriptor that is closed may be another worker's pipe at once.
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._buffer = bytearray()
        self._start = 0
        self.deadline = float("inf")

    # ---- writing

    def send(self, buffers: Sequence[Buffer], limit: float) -> None:
        """Writes all of ``buffers``.

        Args:
            buffers: Bytes in order.
            limit: Seconds in which the worker must have read them.

        Raises:
            WorkerGone: It closed the pipe.
            TimedOut: It did not read for so long.
        """
        transaction.refuse_inside("a worker")
        waiting = [memoryview(b).cast("B") for b in buffers if len(b)]
        deadline = time.monotonic() + limit
        first = 0
        while first < len(waiting):
            try:
                with self._writing:
                    written = os.writev(self._commands, waiting[first : first + MAX_BUFFERS])
            except BlockingIOError:
                _wait(self._commands, select.POLLOUT, deadline)
                continue
            except (BrokenPipeError, OSError):
                raise WorkerGone from None
            while written and written >= len(waiting[first]):
                written -= len(waiting[first])
                first += 1
            if written:
                waiting[first] = waiting[first][written:]

    # ---- reading

    def answer(self) -> Answer:
        """The next answer's verb and arguments. Raises WireError, WorkerGone or TimedOut."""
        fields = self.line().split(b"\t")
        if len(fields) != 4 or fields[0] != MAGIC or not all(f.isdigit() and len(f) < 8 for f in fields[2:]):
            raise WireError("an answer's first line is not of this protocol")
        count = int(fields[2])
        if count > MAX_ARGUMENTS:
            raise WireError("an answer has too many arguments")
        return Answer(unquoted(fields[1]), unflatten(self._lines(count)), int(fields[3]))

    def _lines(self, count: int) -> Iterator[bytes]:
        total = 0
        for _ in range(count):
            line = self.line()
            total += len(line)
            if total > MAX_ARGUMENT_BYTES:
                raise WireError("an answer's arguments are too large")
            yield line

    def blob(self, limit: int) -> bytes:
        """The next part, a blob of at most ``limit`` bytes."""
        fields = self.line().split(b"\t")
        if len(fields) != 2 or fields[0] != b"blob" or not fields[1].isdigit() or len(fields[1]) > 15:
            raise WireError("a blob was expected")
        size = int(fields[1])
        if size > limit:
            raise WireError(f"a blob is larger than the {limit:,} bytes allowed")
        return bytes(self.exactly(size))

    def line(self) -> bytes:
        """The next line without its LF, at most :data:`MAX_LINE` bytes."""
        searched = self._start
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[self._start : end])
                self._start = end + 1
                return line
            if len(self._buffer) - self._start > MAX_LINE:
                raise WireError("a line is too long")
            del self._buffer[: self._start]
            self._start = 0
            searched = len(self._buffer)
            self._buffer += self._read(65_536)

    def exactly(self, size: int) -> bytearray:
        """The next ``size`` bytes. Memory is taken as they arrive, not as they are announced."""
        ready = self._buffer[self._start : self._start + size]
        self._start += len(ready)
        filled = len(ready)
        whole = bytearray(min(size, 64 * PIPE_BYTES))
        whole[:filled] = ready
        while filled < size:
            if filled == len(whole):
                whole += bytes(min(size - filled, 64 * PIPE_BYTES))
            with memoryview(whole) as view:
                filled += self._readinto(view[filled:])
        return whole

    def _read(self, size: int) -> bytes:
        while True:
            try:
                with self._reading:
                    data = os.read(self._answers, size)
            except BlockingIOError:
                _wait(self._answers, select.POLLIN, self.deadline)
                continue
            except OSError:  # it was closed
                raise WorkerGone from None
            if not data:
                raise WorkerGone
            return data

    def _readinto(self, view: memoryview) -> int:
        while True:
            try:
                with self._reading:
                    count = os.readv(self._answers, [view])
            except BlockingIOError:
                _wait(self._answers, select.POLLIN, self.deadline)
                continue
            except OSError:  # it was closed
                raise WorkerGone from None
            if not count:
                raise WorkerGone
            return count

    def close(self) -> None:
        """Closes both ends; again is no harm."""
        for name, lock in (("_commands", self._writing), ("_answers", self._reading)):
            with lock:
                descriptor = getattr(self, name)
                if descriptor >= 0:
                    setattr(self, name, -1)
                    os.close(descriptor)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Waits until ``descriptor`` is ready. Raises TimedOut at ``deadline``, and Interrupted once asked to."""
    poller = select.poll()
    poller.register(descriptor, event)
    if (stop := stopping.descriptor()) is not None:
        poller.register(stop, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        ready = [one for one, _event in poller.poll(min(max(left, 0), 3600) * 1000)]
        if stop in ready:
            raise Interrupted
        if descriptor in ready:
            return
        if left <= 0:
            raise TimedOut
