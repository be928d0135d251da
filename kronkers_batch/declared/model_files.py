"""Which files are a model's: its code file, and what lies in the folder of it.

Left out are: names that begin with a dot, what languages make by themselves, environments, files that a
source declares, other models' code files, and folders that hold one.

Where the folder itself is declared (``code: models/NAME``), all of it is the model. So what no version could
keep is refused there: links that lead out of it, links to folders, pipes and devices.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.paths import is_in
from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CodeFile, ModelSpec
from kronkers_batch.errors import ModelError
from kronkers_batch.runtimes.languages import too_wide
from kronkers_batch.session.known import Neighbours

MOST_FILES = 500
MOST_BYTES = 64 * 2**20
_MADE = ("__pycache__", "node_modules")
_TEMPORARY = (".pyc", "~")
_NOBODYS = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - of code there, the file alone is kept


@dataclass(frozen=True)
class Listed:
    """A file beside the code: its name below the folder, its size, and what tells that it is unchanged."""

    path: Path
    name: str
    size: int
    state: tuple[int, ...]


def listed(model: ModelSpec, places: Places, neighbours: Neighbours) -> list[Listed]:
    """The files beside a model's code that its version keeps, in the order of their names; nothing is read.

    Raises:
        ModelError: There are too many, too large ones, or one that no version can keep.
    """
    code = model.model
    if not isinstance(code, CodeFile) or not _is_own_folder(code):
        return []
    if code.is_folder:
        _refuse_unkept(code.path, os.path.realpath(code.path), code.path.parent)
    found: list[Listed] = []
    for path in _beside(code, places, neighbours):
        found.append(_listed(path, code))
        if len(found) > MOST_FILES:
            raise _too_much(model, f"more than {MOST_FILES} files", "")
    if sum(one.size for one in found) > MOST_BYTES:
        largest = max(found, key=lambda one: one.size)
        what = f"more than {MOST_BYTES // 2**20} MiB of files"
        raise _too_much(model, what, f"; the largest is {largest.name}")
    return found


def _is_own_folder(code: CodeFile) -> bool:
    """Whether the folder may be the model's. Raises ModelError where it is declared, and may not be."""
    folder = code.path.parent
    wide = too_wide(folder) or str(folder) in _NOBODYS
    if wide and code.is_folder:
        raise ModelError(
            "this folder cannot be a model's: it is everybody's, or holds a home folder, the configuration "
            "or this program",
            where=f"{code.origin} ({folder})",
            fix="put the model's files into a folder of their own, such as models/NAME",
        )
    return not wide


def _beside(code: CodeFile, places: Places, neighbours: Neighbours) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ModelError(
            f"a folder beside the model's code cannot be read: {error.strerror}",
            where=str(error.filename),
            fix="let this account read it, or move it out of the model's folder: a version keeps all of it",
        )

    for above, folders, names in os.walk(code.path.parent, onerror=refuse):
        folders[:] = sorted(
            name for name in folders if _is_own(name) and not _closed(above, name, neighbours)
        )
        for name in folders if code.is_folder else ():
            if Path(above, name).is_symlink():
                raise _unkept(
                    Path(above, name), "a link to a folder", "replace the link by the folder itself"
                )
        for name in sorted(names):
            found = Path(above, name)
            real = os.path.realpath(found)
            if found == code.path or not _is_own(name) or real in neighbours.code or places.declared(real):
                continue
            if code.is_folder:
                _refuse_unkept(found, real, code.path.parent)
            if os.path.isfile(real):  # noqa: PTH113 - a text
                yield found


def _refuse_unkept(found: Path, real: str, folder: Path) -> None:
    """Raises ModelError for what lies in a declared folder and no version can keep."""
    if found.is_symlink() and not is_in(real, os.path.realpath(folder)):
        raise _unkept(found, "a link that leads out of the folder", "replace the link by the file itself")
    if not os.path.exists(real):  # noqa: PTH110 - a text
        raise _unkept(found, "a link that leads nowhere", "delete the link")
    if not os.path.isfile(real):  # noqa: PTH113 - a text
        raise _unkept(found, "a pipe, a socket or a device", "delete it")


def _unkept(found: Path, what: str, fix: str) -> ModelError:
    return ModelError(
        f"the model's folder holds {what}, which no version can keep", where=str(found), fix=fix
    )


def _listed(path: Path, code: CodeFile) -> Listed:
    name = path.relative_to(code.path.parent).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ModelError(
            "a file beside the model's code has a name that is not UTF-8",
            where=str(path.parent),
            fix="rename it, or move it out of the model's folder: a version keeps all of it",
        ) from None
    state = state_of(path)
    return Listed(path, name, state[0] if state else 0, state)


def state_of(path: Path) -> tuple[int, ...]:
    """Size, inode and times of a file; nothing of one that is gone, which the next look finds."""
    try:
        info = path.stat()
    except OSError:
        return ()
    return (info.st_size, info.st_ino, info.st_mtime_ns, info.st_ctime_ns)


def _closed(above: str, name: str, neighbours: Neighbours) -> bool:
    """Whether a folder is another model's, or an environment."""
    real = os.path.realpath(Path(above, name))
    is_renv = name == "renv" and Path(above, "renv.lock").exists()
    is_venv = Path(real, "pyvenv.cfg").exists()
    return real in neighbours.above or real in neighbours.environments or is_renv or is_venv


def _is_own(name: str) -> bool:
    return not name.startswith(".") and name not in _MADE and not name.endswith(_TEMPORARY)


def _too_much(model: ModelSpec, what: str, more: str) -> ModelError:
    folder = model.model.path.parent if isinstance(model.model, CodeFile) else ""
    return ModelError(
        f"{what} lie in the folder of the model's code, and each version keeps all of them{more}",
        where=f"{model.model.origin} ({folder})",
        fix="move the code to a folder that holds only what the code needs; read data through a source",
    )
