"""What an environment's files hold, as one digest: what an operator signs beside the lock files.

A lock file says what should be installed. What runs are the files: a line in a ``.pth`` file, a
``sitecustomize.py``, bytecode, an R or Julia package. So everything counts that the worker sees of a declared
environment, but for what this machine (its ``/usr``) or this program shows every worker anyway.

Reading a gigabyte takes a second, so the digest is remembered for the state of all files: place, device,
inode, size, and times of the last change. Who may write to the files can set back all of these but the last
one, ``ctime``, which is the kernel's. It is not believed where it says little: while it is young (writes
through a mapping reach it late) and on file systems that keep it otherwise, such as those in memory.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from kronkers_batch.config.languages import Language
from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import ConfigError, MissingPart
from kronkers_batch.runtimes.languages import WORKERS, by_path_of, command_of, in_words, is_system
from kronkers_batch.store.cache import ContentCache

QUIET = 120
"""Seconds after which the kernel has written what was changed through a mapping, and said so in ``ctime``."""
TRUSTED = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay"})
"""File systems whose ``ctime`` changes with every content."""
LARGE = 2**20
LARGEST = 100 * 2**30
"""Bytes of all files of an environment; a file may say any size and take no room on the disk."""
_TRIES = 3


@dataclass(frozen=True)
class _Entry:
    """A file, folder or link: ``name`` within the environment, where it lies, and its status."""

    name: str
    path: str
    info: os.stat_result

    @property
    def state(self) -> str:
        i = self.info
        return f"{i.st_mode}:{i.st_dev}:{i.st_ino}:{i.st_size}:{i.st_mtime_ns}:{i.st_ctime_ns}"


class _Changed(Exception):
    """A file is another one than when it was listed."""


def environment_contents(language: Language, environment: Environment, cache: ContentCache) -> str:
    """BLAKE3 (hex) over the files of a declared environment; empty for the machine's default.

    Raises:
        MissingPart, ConfigError: There is no such environment, or its files change while they are read.
    """
    if environment == Environment():
        return ""
    roots = _roots(language, environment)
    with in_words(environment):
        return _contents(roots, cache)


def contents_by_path(language: Language, environment: Environment, cache: ContentCache) -> dict[str, str]:
    """BLAKE3 (hex) over the files of each package that an environment has by path, by the package's name.

    Those are Python's of ``.pth`` files and links, R's of a library folder, Julia's of ``dev``: no lock file
    and no version says what is in them. Compiled files are left out, which languages make by themselves.

    Raises:
        MissingPart, ConfigError: There is no such environment, or its files change while they are read.
    """
    found = by_path_of(language, environment)
    with in_words(environment):
        return {name: _contents(list(paths), cache, compiled=False) for name, paths in found.items()}


def _contents(roots: Sequence[Path], cache: ContentCache, *, compiled: bool = True) -> str:
    for _ in range(_TRIES):
        now = time.time()
        entries = [
            entry
            for number, root in enumerate(roots)
            for entry in _listed(root, f"{number} {root.name}")
            if compiled or not _is_compiled(entry.name)
        ]
        if sum(e.info.st_size for e in entries if stat.S_ISREG(e.info.st_mode)) > LARGEST:
            raise ConfigError(
                f"the environment's files have more than {LARGEST // 2**30} GiB",
                where=str(roots[0]),
                fix="remove files and packages that the model does not need from the environment",
            )
        listed = "\0".join(f"{e.name}\0{e.path}\0{e.state}" for e in entries)
        state = blake3(os.fsencode(listed)).hexdigest()
        known = cache.get("environment", state)
        if known is not None and _is_quiet(entries, now):
            return known
        try:
            found = _digest(entries)
        except (_Changed, OSError):
            continue
        if _is_quiet(entries, now):
            cache.put("environment", state, found)
        return found
    raise ConfigError(
        "the files of the environment changed while the program read them",
        where=str(roots[0]),
        fix="wait until nothing is being installed there, and run the command again",
    )


def _is_compiled(name: str) -> bool:
    return name.endswith((".pyc", "/__pycache__")) or "/__pycache__/" in name


def _roots(language: Language, environment: Environment) -> list[Path]:
    """What a worker sees of this environment that it would not see without it."""
    try:
        usual = command_of(language, Environment(), 1).visible
    except MissingPart:  # the machine has none of its own
        usual = ()
    found = {
        path.resolve(): path  # once, where ``lib64`` is a link to ``lib``
        for path in reversed(command_of(language, environment, 1).visible)
        if path not in usual and not is_system(path.resolve()) and not path.is_relative_to(WORKERS)
    }
    return sorted(found.values())


def _listed(path: Path, name: str) -> Iterator[_Entry]:
    """A file or folder with all below it, in the order of names; no links are followed but the first."""
    first = _Entry(name, os.path.realpath(path), path.stat())
    waiting = [first]
    while waiting:
        entry = waiting.pop()
        yield entry
        if stat.S_ISDIR(entry.info.st_mode):
            with os.scandir(entry.path) as found:
                inner = [
                    _Entry(f"{entry.name}/{e.name}", e.path, e.stat(follow_symlinks=False)) for e in found
                ]
            waiting += sorted(inner, key=lambda e: e.name, reverse=True)


def _digest(entries: Iterable[_Entry]) -> str:
    whole = blake3()
    for entry in entries:
        mode = entry.info.st_mode
        if stat.S_ISREG(mode):
            kind, held = "file", _file(entry)
        elif stat.S_ISLNK(mode):
            kind, held = "link", os.fsencode(os.readlink(entry.path))  # noqa: PTH115 - tens of thousands
        else:
            kind, held = ("folder" if stat.S_ISDIR(mode) else "other"), b""
        for part in (os.fsencode(entry.name), kind.encode(), held):
            whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def _file(entry: _Entry) -> bytes:
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        hasher = blake3()
        while data := os.read(descriptor, LARGE):
            hasher.update(data)
        # It was written to, or a folder above it exchanged: then the state is not this content's.
        if _Entry(entry.name, entry.path, os.fstat(descriptor)).state != entry.state:
            raise _Changed
        return hasher.digest()
    finally:
        os.close(descriptor)


def _is_quiet(entries: Iterable[_Entry], now: float) -> bool:
    """Whether the times of these files can be relied on."""
    trusted = _trusted_devices()
    return all(e.info.st_dev in trusted and e.info.st_ctime < now - QUIET for e in entries)


def _trusted_devices() -> set[int]:
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] in TRUSTED:
            major, _, minor = before.split()[2].partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return found
