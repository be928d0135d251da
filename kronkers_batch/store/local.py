"""A store in a folder of this machine. No link below it is followed, whoever put it there and whenever.

Each part of a path is opened by itself, inside of the one before, and what is done is done by descriptor.
Who can write to the store could else exchange a folder of it for a link, and have files elsewhere written,
read or deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kronkers_batch import private
from kronkers_batch.errors import StoreError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LocalFolder:
    """Files by relative path; folders are made with mode 0700, files with 0600. Raises OSError, StoreError.

    Args:
        root: The folder, which may itself be reached through a link: conf names it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, parts: Sequence[Buffer], *, sync: bool) -> None:
        """The file whole or not at all; its name is on the disk too where ``sync`` is set."""
        folder, _, name = path.rpartition("/")
        private.make_folder(self.root)
        with self._opened(folder, make=True) as levels:
            private.replace(Path(f"/proc/self/fd/{levels[-1]}") / name, *parts)
            if sync:
                private.to_disk(levels[-1])

    def read(self, path: str, limit: int | None) -> bytes:
        """The file's bytes, one more than ``limit`` at most."""
        folder, _, name = path.rpartition("/")
        # A pipe that nobody writes to is opened, not waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with self._opened(folder) as levels:
            try:
                descriptor = os.open(name, flags, dir_fd=levels[-1])
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise _no_file(self.root / path) from None
                raise
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _no_file(self.root / path)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(-1 if limit is None else limit + 1)
        finally:
            os.close(descriptor)

    def delete(self, path: str) -> None:
        """Deletes the file, or the link that is in its place."""
        folder, _, name = path.rpartition("/")
        with self._opened(folder) as levels:
            os.unlink(name, dir_fd=levels[-1])

    def remove_empty(self, folder: str) -> None:
        """Removes a folder that has nothing in it; one that has, or is not there, is left."""
        parent, _, name = folder.rpartition("/")
        try:
            with self._opened(parent) as levels:
                os.rmdir(name, dir_fd=levels[-1])
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def paths(self, prefix: str) -> list[str]:
        """Paths of the files and links under ``prefix``; none where that is not there."""
        return [
            f"{place}{entry.name}"
            for place, entry, _ in self._under(prefix)
            if entry.is_file(follow_symlinks=False) or entry.is_symlink()
        ]

    def sync(self, folder: str) -> None:
        """Puts the names of the files in a folder, and its own, on the disk."""
        with self._opened(folder) as levels:
            for one in reversed(levels):
                private.to_disk(one)

    def sweep(self, prefix: str, older_than: float) -> int:
        """Deletes files whose name begins so, last touched before then (seconds since the epoch)."""
        count = 0
        for _, entry, folder in self._under(""):
            if entry.name.startswith(prefix):
                with contextlib.suppress(FileNotFoundError):
                    if os.stat(entry.name, dir_fd=folder, follow_symlinks=False).st_mtime < older_than:
                        os.unlink(entry.name, dir_fd=folder)
                        count += 1
        return count

    def _under(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str], int]]:
        """All that is no folder: where it is (with a slash), the entry, its folder's descriptor."""
        try:
            with self._opened(prefix) as levels:
                yield from _entries(levels[-1], f"{PurePosixPath(prefix)}/" if prefix else "")
        except FileNotFoundError:
            return

    @contextlib.contextmanager
    def _opened(self, folder: str, *, make: bool = False) -> Iterator[list[int]]:
        """Descriptors of the root and of each folder down to this one."""
        levels = [os.open(self.root, _FOLDER)]
        try:
            for part in PurePosixPath(folder).parts:
                if make:
                    private.make_inside(levels[-1], part)
                try:
                    levels.append(os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=levels[-1]))
                except NotADirectoryError:
                    raise _no_folder(self.root / folder) from None
            yield levels
        finally:
            for descriptor in levels:
                os.close(descriptor)


def _entries(folder: int, place: str) -> Iterator[tuple[str, os.DirEntry[str], int]]:
    """As :meth:`LocalFolder._under`. No file is looked at: each night lists what all nights left."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield place, entry, folder
            continue
        try:
            below = os.open(entry.name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # it is another thing by now
                continue
            raise
        try:
            yield from _entries(below, f"{place}{entry.name}/")
        finally:
            os.close(below)


def _no_file(target: Path) -> StoreError:
    return StoreError(
        "the artifact is a link, a folder or a device, not a file",
        where=str(target),
        fix="The program makes only files: delete it, and find out who can write to the artifact store.",
    )


def _no_folder(target: Path) -> StoreError:
    return StoreError(
        "a folder of the artifact store is a link or a file: a write would change another place",
        where=str(target),
        fix="Find out who can write to the store, and delete the link.",
    )
