"""Files and folders that only their owner can open, whatever the umask: the one way in which they are made.

A file appears whole or not at all. Folders get 0700 and files 0600 from the start, also where the
umask would take rights away that the owner needs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

FOLDER, FILE = 0o700, 0o600
LOCK = ".lock"
UNFINISHED = ".unfinished-"
"""How names of files begin that are not finished yet."""


def make_folder(folder: Path, mode: int = FOLDER) -> None:
    """Makes the folder, and missing parents with 0700. One that is there stays as it is. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # somebody else made it just now
    folder.chmod(mode)  # a umask can only have taken rights away


def make_inside(folder: int, name: str) -> None:
    """Makes a folder in one that is open, by its descriptor. One that is there stays. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, FOLDER, dir_fd=folder)


def own_folder(folder: Path) -> None:
    """As :func:`make_folder`, for a folder of this program alone: what it holds is believed.

    Where an older version or a hand let others write to it, that ends. Raises OSError.
    """
    make_folder(folder)
    info = folder.stat()
    if info.st_uid == os.geteuid() and info.st_mode & 0o022:
        folder.chmod(stat.S_IMODE(info.st_mode) & ~0o022)


def create(path: Path, parts: Iterable[Buffer]) -> None:
    """A new file, on the disk when this returns. Raises FileExistsError, OSError; half a file goes again."""
    with _new(path) as file:
        file.writelines(parts)
        file.flush()
        to_disk(file.fileno())


def replace(path: Path, *parts: Buffer, mode: int = FILE, prefix: str = UNFINISHED) -> None:
    """A file with these bytes, replacing an older one; its folder is made. Raises OSError."""
    make_folder(path.parent)
    with writing(path, mode=mode, prefix=prefix) as file:
        file.writelines(parts)


@contextlib.contextmanager
def writing(
    path: Path,
    *,
    over: bool = True,
    mode: int = FILE,
    prefix: str = UNFINISHED,
    judge: Callable[[str], None] = lambda _real: None,
) -> Iterator[IO[bytes]]:
    """A file to write and to read; it gets its name when the block ends, and goes where it raises.

    Its folder is opened once, so that no link that changes meanwhile leads elsewhere.

    Args:
        path: In a folder that is there.
        over: Whether it may replace another; else FileExistsError.
        mode: Of the file.
        prefix: Of its name while it is unfinished.
        judge: Is given the path where the file will really lie, before anything is made there.

    Raises OSError.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        judge(f"{os.readlink(f'/proc/self/fd/{folder}')}/{path.name}")  # noqa: PTH115 - by descriptor
        temporary = f"{prefix}{secrets.token_hex(8)}"
        with _new(temporary, mode, folder) as file:
            yield file
            file.flush()
            # On the disk before its name is: a power cut must not leave an empty file under this name.
            to_disk(file.fileno())
            if over:
                os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                _rename_to_new(temporary, path.name, folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _new(name: Path | str, mode: int = FILE, folder: int | None = None) -> Iterator[IO[bytes]]:
    """A file that was not there, to write and to read; it goes where the block raises."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, FILE, dir_fd=folder)
    try:
        with open(descriptor, "w+b") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(descriptor, mode)
            yield file
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def to_disk(descriptor: int) -> None:
    """What was written to a file, or the names in a folder, outlasts a power cut. Raises OSError."""
    os.fsync(descriptor)


def open_kept(path: Path, flags: int, *, closed: bool = True) -> int:
    """A descriptor of a file that stays and is used again, such as a log or a lock; it is made if missing.

    No link is followed and no pipe is waited for. Raises OSError, FileExistsError where it is no file.

    Args:
        path: In a folder that is there.
        flags: How it is opened, as for :func:`os.open`.
        closed: Whether it is closed to others where it was open to them.
    """
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, FILE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileExistsError(errno.EEXIST, "this is no file", str(path))
        if closed:
            os.fchmod(descriptor, FILE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class Exposed(Exception):
    """A file that must be this account's own alone is not; ``fix`` says what to do."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(what)


def read(path: Path, name: str, *, secret: bool, most: int) -> bytes:
    """The first bytes of a file of this account that others may not change, nor read where it is secret.

    It is opened once and judged as it was opened: what it is, whose, who may write to it or to its folder.
    Links are followed, since that is how containers hand secrets over; both folders are then judged, the
    link's and the file's.

    Args:
        path: The file.
        name: What messages call it.
        secret: Whether others may not read it either; then it may not be root's for another account.
        most: How many bytes.

    Raises:
        Exposed: Others may read or change it. OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            what = "a folder" if stat.S_ISDIR(info.st_mode) else "a device or a pipe"
            raise Exposed(f"this is {what}, and the {name} is not a file", f"Name the {name} itself.")
        if info.st_uid not in ({os.geteuid()} if secret else {0, os.geteuid()}):
            fix = f"Use a {name} of your own, or: chown {os.geteuid()} {path}"
            raise Exposed(f"the {name} belongs to another user", fix)
        if info.st_mode & (0o077 if secret else 0o022):
            raise _open_to_others(path, name, secret, info.st_mode)
        real = Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - by descriptor
        for folder in dict.fromkeys((path.absolute().parent, real.parent)):
            _judge_folder(folder, name)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def _open_to_others(path: Path, name: str, secret: bool, mode: int) -> Exposed:
    shown = f"{stat.S_IMODE(mode):04o}"
    if secret:
        fix = f"chmod 600 {path}; if somebody may have read it, ask for a new grant with a new key."
        return Exposed(f"others may read the {name} (mode {shown})", fix)
    fix = f"Check what is in it, then: chmod 600 {path}"
    return Exposed(f"others may change the {name} (mode {shown})", fix)


def _judge_folder(folder: Path, name: str) -> None:
    info = folder.stat()
    # In a folder with the sticky bit, such as /tmp, nobody replaces what is somebody else's.
    writable = info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX
    if writable or info.st_uid not in (0, os.geteuid()):
        raise Exposed(
            f"others may write to the folder of the {name}",
            f"Check what is in it, then: chmod go-w {folder}; it must belong to you or to root.",
        )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone among the processes that ask for the same folder. Makes the folder. Raises OSError."""
    make_folder(folder)
    descriptor = open_kept(folder / LOCK, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _rename_to_new(temporary: str, name: str, folder: int) -> None:
    """A rename that refuses a file that came meanwhile, where the file system has links."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        raise FileExistsError(name) from None
    os.unlink(temporary, dir_fd=folder)
