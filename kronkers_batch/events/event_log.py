"""The structured log: one line of JSON for each event, without a word of any data, in ``log/events.jsonl``.

It is made of what lies in clear in the database: which model and date, what happened, who did it. Messages
name columns and metrics; they stay sealed for the departments.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from kronkers_batch import private, texts
from kronkers_batch.events.outbox import Posted
from kronkers_batch.events.subscribers import LOG
from kronkers_batch.redaction import redact
from kronkers_batch.store import clock, faults

BYTES = 10 * 2**20
"""At this size a new file is begun."""
KEPT = 5
"""How many earlier files are kept, as ``events.jsonl.1`` and so on."""

FIELDS: Mapping[str, str] = {
    "position": "the event's number in the warehouse; a repeated line has the same number",
    "at": "the time of the event, in UTC",
    "kind": "one of the kinds above",
    "run": "the run's id; empty if the event belongs to no run",
    "who": "the principal who caused the event",
    "department": "the owner: DEPARTMENT or DEPARTMENT/MODEL; empty if the event is about a run",
    "model": "the model, or the source of an ingest; empty if the event is about a run",
    "task": "the task that recorded the event: a task of the graph, or run, promotion, recovery, shred",
    "state": "done, held, failed, refused, warned, or the state of a verdict or a run",
    "subject": "the version, output, snapshot or run, such as NAME@3 or NAME/2013-06-01#2",
    "date": "the logical date; empty if there is none",
    "seconds": "the duration in seconds",
    "next": "the command to run if a person must act; otherwise empty",
    "commit": "for `started`: the commit of `conf/` with `id`, `author` and `clean`; null without a commit",
}
"""Each field of a line, in order."""


def path_in(home: Path) -> Path:
    """Where the log of an installation lies."""
    return home / "log" / "events.jsonl"


def line(event: Posted) -> str:
    """An event as one line of JSON, in ASCII, without its end."""
    commit = event.commit
    values: dict[str, Any] = {name: getattr(event, name) for name in FIELDS if name not in ("at", "commit")}
    values["at"] = clock.to_datetime(event.at).isoformat().replace("+00:00", "Z")
    values["commit"] = commit and {"id": commit.id, "author": commit.author, "clean": commit.clean}
    text = json.dumps({name: values[name] for name in FIELDS})
    return texts.in_json(redact(text))


class EventLog:
    """The subscriber that writes it. Only one command of a place writes at a time.

    Args:
        home: The home folder.
        size: In bytes, from which on a new file is begun.
    """

    name = LOG

    def __init__(self, home: Path, size: int = BYTES) -> None:
        self._path, self._size = path_in(home), size

    def take(self, events: Sequence[Posted]) -> list[str]:
        """Appends a line for each, and returns once they outlast a power cut. Raises StoreError."""
        try:
            private.own_folder(self._path.parent)
            _cut_torn_line(self._path)
            handler = _Handler(self._path, maxBytes=self._size, backupCount=KEPT, encoding="ascii")
            with contextlib.closing(handler):
                for event in events:
                    handler.emit(logging.makeLogRecord({"msg": line(event)}))
                handler.sync()
        except OSError as error:
            raise faults.from_system(error, str(self._path)) from None
        return []


class _Handler(RotatingFileHandler):
    """Files that are this account's own alone; an error is raised, not printed."""

    def _open(self) -> io.TextIOWrapper:
        descriptor = private.open_kept(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return io.TextIOWrapper(io.FileIO(descriptor, "a"), encoding="ascii", newline="\n")

    def handleError(self, record: logging.LogRecord) -> None:
        """Raises what went wrong: a line that is lost would be missed by nobody."""
        del record
        raise  # it is called while the error is handled

    def sync(self) -> None:
        """Puts what was written on the disk."""
        if self.stream is not None:
            self.stream.flush()
            private.to_disk(self.stream.fileno())


def _cut_torn_line(path: Path) -> None:
    """Takes away the part of a line that a killed writer left; its event comes again."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    with open(descriptor, "r+b") as file:  # noqa: PTH123 - a descriptor, not a path
        size = file.seek(0, os.SEEK_END)
        start = max(size - 2**16, 0)
        file.seek(start)
        whole = file.read().rfind(b"\n") + 1
        if start + whole < size and (whole or not start):
            file.truncate(start + whole)
