"""Opening a file that conf names, so that what is read is what was looked at: a link may change in between.

The file is opened first, without reading, and what was opened is judged: its kind, its identity, and the path
by which the kernel knows it. What is read then is this descriptor, under a name that cannot be led elsewhere.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.places import Places

LARGEST = 16 * 2**20
"""Bytes of a small file: one of text that is held as a whole."""
_SPARE = 256  # for what libraries open meanwhile
_TRIES = 5  # a file that is delivered anew just now is another one at the next try


class PathRefused(Exception):
    """A file may not be read; ``why`` follows "the path is refused: "."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True)
class Opened:
    """An opened file.

    Attributes:
        path: Under which name it was asked for.
        real: Where it lies, links followed.
        reading: The name to read it by while it is open, in this process; nobody can change where it leads.
        info: Its status when it was opened.
    """

    path: Path
    real: str
    reading: str
    info: os.stat_result

    @property
    def state(self) -> tuple[object, ...]:
        """What tells cheaply that two openings found the same file with the same contents."""
        return (self.real, self.info.st_size, self.info.st_mtime_ns, self.info.st_ctime_ns, self.info.st_ino)

    def again(self) -> tuple[object, ...]:
        """As :attr:`state`, of the open file as it is now."""
        now = os.stat(self.reading)  # noqa: PTH116 - by descriptor
        return (self.real, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)


@contextmanager
def opened(
    path: Path, places: Places, *, department: str = "", source: str = "", code: bool = False
) -> Iterator[Opened]:
    """The file, open until the end of the block. Devices, pipes and folders are refused without waiting.

    Args:
        path: Its name; links are followed.
        places: Where it may not lie.
        department: For whom it is read; empty for a person.
        source: The source whose file it is, which must lie where the source's path led at first.
        code: It is a model's code.

    Raises:
        PathRefused: It leads to a forbidden place, or to what is no file. OSError: it cannot be opened.
    """
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            info = os.fstat(descriptor)
            if info.st_nlink == 0:
                continue  # deleted meanwhile: the kernel no longer knows where it lay
            reading = f"/proc/self/fd/{descriptor}"
            real = os.readlink(reading)  # noqa: PTH115 - by descriptor
            if why := places.opened_refusal(real, info, department=department, source=source, code=code):
                raise PathRefused(why)
            if not stat.S_ISREG(info.st_mode):
                raise PathRefused("it is a folder, a device, a pipe or a socket, not a file")
            yield Opened(path, real, reading, info)
            return
        finally:
            os.close(descriptor)
    raise PathRefused("it was deleted again and again while it was opened")


def make_room(files: int) -> None:
    """Lets this process hold so many more files open at once, as far as the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(os.listdir("/proc/self/fd")) + files + _SPARE  # noqa: PTH208 - a count
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def read_bytes(path: Path, places: Places, *, department: str = "", code: bool = False, most: int) -> bytes:
    """A file of at most ``most`` bytes. Raises PathRefused (also where it has more), OSError."""
    with opened(path, places, department=department, code=code) as file, Path(file.reading).open("rb") as raw:
        found = raw.read(most + 1)
        if len(found) > most:
            raise PathRefused(f"it is larger than {most // 2**20} MiB")
        return found


def read_text(
    path: Path, places: Places, *, department: str = "", code: bool = False, most: int | None = None
) -> str:
    """The text of a small file, or of its first ``most`` bytes.

    Raises PathRefused (also where it is not small), OSError, UnicodeDecodeError.
    """
    with opened(path, places, department=department, code=code) as file, Path(file.reading).open("rb") as raw:
        found = raw.read(LARGEST + 1 if most is None else most)
        if most is None and len(found) > LARGEST:
            raise PathRefused(f"it is larger than {LARGEST // 2**20} MiB")
        return found.decode()
