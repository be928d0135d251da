"""Printing for people and for programs: the one place that writes to this process's output.

Everything goes through ``texts.leaving`` on its way; a test refuses a ``print`` anywhere else.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from kronkers_batch import texts
from kronkers_batch.redaction import redact
from kronkers_batch.store import clock


def say(text: str = "", *, end: str = "\n", flush: bool = False) -> None:
    """Print a text of one or more lines."""
    _write(sys.stdout, texts.leaving(text) + end, flush)


def warn(text: str) -> None:
    """Print a text of one or more lines to standard error."""
    _write(sys.stderr, texts.leaving(text) + "\n")


def trace() -> None:
    """Print the traceback of the error that is being handled to standard error."""
    warn(traceback.format_exc().rstrip("\n"))


def message(text: str, file: TextIO | None) -> None:
    """Print what argparse says, its line ends included."""
    _write(sys.stdout if file is None else file, texts.leaving(text))


class ReaderGone(Exception):
    """Whoever read the rows that are printed closed its end: no more of them are wanted."""


def flush() -> None:
    """Let all that was printed arrive."""
    _write(sys.stdout, "", flush=True)


def _write(stream: TextIO, text: str, flush: bool = False) -> bool:
    """Whether it can still be read. Where nobody reads any more, the command goes on to its own exit code."""
    try:
        stream.write(text)
        if flush:
            stream.flush()
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        return False
    return True


class Out:
    """Standard output for who writes rows to a file.

    A value in them is data: it is printed as it is, whatever the environment holds.
    """

    def __init__(self, *, json: bool = False) -> None:
        self._filter = texts.in_json if json else texts.visible

    def write(self, text: str) -> int:
        """Print a text, its line ends included. Raises ReaderGone where nobody reads it."""
        if not _write(sys.stdout, self._filter(text)):
            raise ReaderGone
        return len(text)


def silence_libraries() -> None:
    """Let nothing but this module write to the terminal, in a process of our own.

    Libraries that are not Python's write to the descriptor itself, and quote what they read, as Polars does
    when it panics. Warnings, and errors of threads that nobody waits for, are shown by their type alone.
    """
    sys.stderr.flush()
    own = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = open(own, "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)  # noqa: SIM115, PTH123 - for as long as the process lives
    warnings.simplefilter("ignore")
    threading.excepthook = lambda ended: warn(f"kronkers: a thread ended with {ended.exc_type.__name__}")


def table(rows: Sequence[Sequence[object]], headers: Sequence[str], *, wide: bool = False) -> None:
    """Print rows under headers, in columns. On a terminal the last is cut unless ``wide``."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(r[i]) for r in [list(headers), *texts]) for i in range(len(headers))]
    room = shutil.get_terminal_size((200, 24)).columns - sum(w + 2 for w in widths[:-1])
    for row in [list(headers), *texts]:
        head = "".join(cell.ljust(width + 2) for cell, width in zip(row[:-1], widths[:-1], strict=True))
        last = row[-1]
        if not wide and sys.stdout.isatty() and room > 20 and len(last) > room:
            last = last[: room - 1] + "…"
        say((head + last).rstrip())


def print_json(value: object) -> None:
    """Print one JSON value: times as ISO text, NaN as null."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str)
    _write(sys.stdout, texts.in_json(redact(text)) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dt.datetime):
        return timestamp(clock.from_datetime(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(vars(value))
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.5g}"
    if isinstance(cell, dt.datetime):
        return timestamp(clock.from_datetime(cell))
    return texts.one_line(str(cell))


def timestamp(us: int | None) -> str:
    """A time (microseconds UTC) as text to the second."""
    if us is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(us / 1e6)) + "Z"


class Progress:
    """One line on a terminal that says what is being done; nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._last = 0.0

    def __call__(self, what: str, rows: int) -> None:
        """Say it, at most ten times a second."""
        if self._on and time.monotonic() - self._last > 0.1:
            self._last = time.monotonic()
            _write(sys.stderr, f"\r\033[K{texts.one_line(redact(what))}: {rows:,} rows", flush=True)

    def done(self) -> None:
        """Clear the line."""
        if self._on:
            _write(sys.stderr, "\r\033[K", flush=True)


def fields(values: Mapping[str, Any]) -> None:
    """Print names and values, one a line; a nested mapping is indented."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        if isinstance(value, Mapping):
            say(f"{name}:")
            for inner, cell in value.items():
                say(f"  {inner}: {_text(cell)}")
        else:
            say(f"{name.ljust(width)}  {_text(value)}")
