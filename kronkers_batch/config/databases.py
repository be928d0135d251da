"""What the address of a database says before anything is opened: whether it is in a file, and in which.

What is not listed here counts as a server's: no path of this machine follows from its address, and a variable
of the environment in it belongs to who declares it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

IN_FILES: tuple[str, ...] = ("sqlite",)
"""How the addresses of databases begin that are files of this machine: ``sqlite:////PATH``."""


def file_of(url: str) -> str:
    """The file that a SQLAlchemy URL opens, absolute; empty for a database on a server."""
    match = re.match(rf"{_begin()}://[^/]*/([^?#]+)", url)
    if match is None or match[1] == ":memory:":
        return ""
    path = match[1]
    if path.startswith("file:"):  # SQLite's own kind of address
        path = unquote(re.sub(r"^file:(//[^/]*(?=/))?", "", path))
    return os.path.abspath(path)  # noqa: PTH100 - as SQLite does it: from the folder that we are in


def begins_as_file(text: object) -> bool:
    """Whether a text, of which variables may not be filled in yet, begins as the address of a file."""
    return str(text).startswith(IN_FILES)


def absolute(url: str, project: Path) -> str:
    """The URL with a relative file of the project's folder as an absolute one; others as they are."""
    match = re.match(rf"({_begin()}:///)([^/:].*)\Z", url)
    return match[1] + str(project / match[2]) if match else url


def _begin() -> str:
    return rf"(?:{'|'.join(map(re.escape, IN_FILES))})(?:\+\w+)?"
