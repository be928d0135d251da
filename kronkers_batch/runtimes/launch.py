"""How one worker is started, and the descriptors that are handed over with its command line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kronkers_batch.errors import MissingPart

CODE = "{code %d}"
"""Stands in a command line for the descriptor from which bubblewrap reads a file of the model."""


class Identity(NamedTuple):
    """Which file or folder something is, whatever leads to it."""

    device: int
    inode: int


@dataclass(frozen=True)
class Launch:
    """How to start one worker.

    Attributes:
        argv: The whole command line, without the two pipes' paths.
        environment: Of the first process; empty for bubblewrap.
        sandboxed: Whether it is bubblewrap.
        user: Whose the pipes must be, where root starts a worker; else None.
        scratch: The worker's own writable folder, as the worker sees it.
        remove: A folder to remove when the worker has ended, or None.
        memory: Bytes that all its processes together may take.
        seen: What the sandbox shows at each place, to be compared once it is built.
        calls: The filter of system calls, which bubblewrap is given; empty without bubblewrap or filter.
        code: The model's files, which bubblewrap is given, too; empty where they lie in the scratch.
        folder: The folder of the model's code file, as the worker sees it; empty without one.
        warnings: What is weaker than it should be; to be said loudly.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    sandboxed: bool
    user: int | None
    scratch: str
    remove: Path | None
    memory: int
    seen: Mapping[str, Identity]
    calls: bytes
    code: tuple[bytes, ...]
    folder: str
    warnings: tuple[str, ...]


@contextlib.contextmanager
def opened(launch: Launch, info: int | None = None) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """The command line, and the descriptors that are handed over with it.

    Bubblewrap reads the filter from one and each file of the model from another, and closes them; it writes
    who is in the sandbox to ``info``.
    """
    if not launch.sandboxed:
        yield list(launch.argv), ()
        return
    options: list[str] = []
    handed: list[int] = []  # no other: what bubblewrap does not know of, it leaves open for the worker
    with contextlib.ExitStack() as stack:
        if launch.calls:
            handed.append(_kept(stack, "calls", launch.calls))
            options += ["--seccomp", str(handed[-1])]
        if info is not None:
            handed.append(info)
            options += ["--info-fd", str(info)]
        argv = list(launch.argv[1:])
        for number, raw in enumerate(launch.code):
            handed.append(_kept(stack, "code", raw))
            argv[argv.index(CODE % number)] = str(handed[-1])
        yield [launch.argv[0], *options, *argv], tuple(handed)


def _kept(stack: contextlib.ExitStack, name: str, content: bytes) -> int:
    """A descriptor from which these bytes can be read, closed with ``stack``; a pipe would hold little."""
    found = os.memfd_create(name, os.MFD_CLOEXEC)
    stack.callback(os.close, found)
    with open(found, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(found, 0, os.SEEK_SET)
    return found


def identity(path: Path) -> Identity:
    """Which file or folder lies there. Raises MissingPart where none does."""
    try:
        found = path.stat()
    except OSError as error:
        raise MissingPart(
            f"a file that a worker needs cannot be opened: {error.strerror}",
            where=str(path),
            fix="restore the file, or correct the model's environment",
        ) from None
    return Identity(found.st_dev, found.st_ino)


def shown_elsewhere(pid: int, seen: Mapping[str, Identity]) -> str:
    """Which place a process sees otherwise than was decided; empty where it sees all as it should.

    Between its being looked at and its being mounted, who may write to a folder above could have put a link
    there that leads anywhere.
    """
    for place, wanted in seen.items():
        try:
            found = Path(f"/proc/{pid}/root{place}").stat()
        except OSError:
            return place
        if Identity(found.st_dev, found.st_ino) != wanted:
            return place
    return ""
