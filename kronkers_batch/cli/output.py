"""Printing for people and for programs."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kronkers_batch.store import clock


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
        print((head + last).rstrip())


def print_json(value: object) -> None:
    """Print one JSON value: moments as ISO text, NaN as null."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str))


def _plain(value: object) -> object:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dt.datetime):
        return moment(clock.from_datetime(value))
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
        return moment(clock.from_datetime(cell))
    return str(cell).replace("\n", " ")


def moment(us: int | None) -> str:
    """A moment (microseconds UTC) as text to the second."""
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
            print(f"\r\033[K{what}: {rows:,} rows", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Clear the line."""
        if self._on:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def fields(values: Mapping[str, Any]) -> None:
    """Print names and values, one a line; a nested mapping is indented."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        if isinstance(value, Mapping):
            print(f"{name}:")
            for inner, cell in value.items():
                print(f"  {inner}: {_text(cell)}")
        else:
            print(f"{name.ljust(width)}  {_text(value)}")
