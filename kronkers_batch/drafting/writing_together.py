"""Several new files of a project at once: all of them are written, or none."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.errors import StoreError, UsageError


def refuse_existing(paths: list[Path]) -> None:
    """Raises UsageError where one of the files is there: nothing is overwritten."""
    for path in paths:
        if os.path.lexists(path):
            raise UsageError(
                "the file exists already, and nothing is overwritten",
                where=str(path),
                fix="Choose another name for the model, or move the file away.",
            )


@contextlib.contextmanager
def written(files: Mapping[Path, str], like: Path) -> Iterator[None]:
    """The files, which stay where the block ends without an error; else none of them stays.

    Args:
        files: New files and their text.
        like: A file of the project: new ones may be read and changed by whoever may read and change it.

    Raises UsageError where one is there already, StoreError where one cannot be written.
    """
    refuse_existing(list(files))
    mode = stat.S_IMODE(like.stat().st_mode) & 0o666
    made: list[Path] = []
    try:
        for path, text in files.items():
            made += _write(path, text, mode)
        yield
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def _write(path: Path, text: str, mode: int) -> list[Path]:
    """What was made: the folders that were missing, and the file."""
    made: list[Path] = []
    try:
        for folder in reversed([above for above in path.parents if not above.is_dir()]):
            private.make_folder(folder, mode | (mode & 0o444) >> 2)
            made.append(folder)
        with private.writing(path, over=False, mode=mode) as file:
            file.write(text.encode())
    except OSError as error:
        for there in reversed(made):
            with contextlib.suppress(OSError):
                there.rmdir()
        if isinstance(error, FileExistsError):
            refuse_existing([path])
        raise StoreError(
            f"the file cannot be written: {os.strerror(error.errno or 0)}",
            where=str(path),
            fix="Let this account write to the folder of the project.",
        ) from None
    return [*made, path]
