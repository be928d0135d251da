"""Paths as they are declared: up to the first pattern, with links followed."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Sequence
from pathlib import Path


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
