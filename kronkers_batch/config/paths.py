"""Paths as they are declared: made absolute, up to the first pattern, with links followed."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

from kronkers_batch.config.fields import Bad


def fixed_part(text: str) -> Path:
    """A path up to its first pattern; all of it where there is none."""
    parts = Path(text).parts
    return Path(*parts[: next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))])


def resolved(text: str) -> tuple[str, str]:
    """A path's fixed part and all of it, with links followed up to the first pattern; equal without one."""
    # A file may be called ``[1].csv``: what is there under just this name is no pattern.
    if not glob.has_magic(text) or os.path.isfile(text):  # noqa: PTH113
        real = os.path.realpath(text)
        return real, real
    fixed = fixed_part(text)
    real = os.path.realpath(fixed)
    return real, str(Path(real, *Path(text).parts[len(fixed.parts) :]))


def is_in(path: str, folder: str) -> bool:
    """Whether a path is this folder, or inside of it."""
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")


def fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path's components fit a pattern's; ``**`` stands for any number of them."""
    at = _past(pattern, {0})  # how much of the pattern may be done: no pattern makes this slow
    for part in parts:
        stay = {i for i in at if i < len(pattern) and pattern[i] == "**"}
        go = {i + 1 for i in at - stay if i < len(pattern) and fnmatch.fnmatchcase(part, pattern[i])}
        at = _past(pattern, stay | go)
    return len(pattern) in at


def _past(pattern: Sequence[str], at: set[int]) -> set[int]:
    """Also behind each ``**``, which may stand for nothing."""
    for i, part in enumerate(pattern):
        if part == "**" and i in at:
            at.add(i + 1)
    return at


def safe_path(text: str, base: Path) -> Path:
    """A path as it is if absolute, else below ``base``; ``~`` is the home folder.

    Raises:
        Bad: ``..``, a NUL, or percent-encoded characters in it.
    """
    if ".." in re.split(r"[/\\]", text) or "\0" in text:
        raise Bad("a path with '..' in it", "write an absolute path, or one below the project folder")
    if re.search(r"%(2e|2f|5c|00)", text, re.IGNORECASE):
        raise Bad("a percent-encoded path", "write the characters themselves")
    return absolute(text, base)


def absolute(text: str, base: Path) -> Path:
    """A path as it is if absolute, in the home folder if it begins with ``~/``, else below ``base``.

    Raises:
        Bad: there is no home folder.
    """
    try:
        path = Path.home() / text[2:] if text.startswith("~/") else Path(text)
    except RuntimeError:
        raise Bad("'~' is not known here: this user has no home folder", "write an absolute path") from None
    return path if path.is_absolute() else base / path
