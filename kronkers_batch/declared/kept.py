"""A model's code as its version keeps it: the code file, and all that lies in its folder.

``source("prices.R")``, ``import churnlib``, ``include("twice.jl")`` and ``read.csv("lookup.csv")`` find what
lies beside the code. So all of that is read with the code, is part of the definition, is sealed with the
version, and is what its workers see, whatever the folder holds by then.

Left out are: names that begin with a dot, what languages make by themselves, environments, files that a
source declares, other models' code files, and folders that hold one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kronkers_batch.config import opening
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import CodeFile, ModelSpec
from kronkers_batch.errors import ModelError
from kronkers_batch.runtimes.languages import too_wide
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode
from kronkers_batch.session.known import Neighbours

MOST_FILES = 500
MOST_BYTES = 64 * 2**20
_MADE = ("__pycache__", "node_modules")
_TEMPORARY = (".pyc", "~")
_NOBODYS = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - of code there, the file alone is kept


def kept_code(model: ModelSpec, places: Places, neighbours: Neighbours) -> KeptCode | None:
    """The files of a model as they are now; None for a declared estimator.

    Raises:
        ModelError: One cannot be read, leads where it may not, or there are too many of them.
    """
    if not isinstance(model.model, CodeFile):
        return None
    path, folder = model.model.path, model.model.path.parent
    text = _text(path, model, places)
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    if not (too_wide(folder) or str(folder) in _NOBODYS):
        for found in _beside(path, places, neighbours):
            raw = _bytes(found, model, places, left)
            files[found.relative_to(folder).as_posix()] = raw
            left -= len(raw)
            if len(files) > MOST_FILES:
                raise _too_much(model, folder, f"more than {MOST_FILES} files")
    return KeptCode(PLACE / path.name, model.model.origin, text, files)


def _beside(path: Path, places: Places, neighbours: Neighbours) -> Iterator[Path]:
    """The other files of the folder that are the model's, in the order of their names."""
    for above, folders, names in os.walk(path.parent):
        folders[:] = sorted(
            name for name in folders if _is_own(name) and not _closed(above, name, neighbours)
        )
        for name in sorted(names):
            found = Path(above, name)
            real = os.path.realpath(found)
            is_own = found != path and _is_own(name) and real not in neighbours.code
            if is_own and os.path.isfile(real) and not places.declared(real):  # noqa: PTH113 - a text
                yield found


def _closed(above: str, name: str, neighbours: Neighbours) -> bool:
    """Whether a folder is another model's, or an environment."""
    real = os.path.realpath(Path(above, name))
    is_renv = name == "renv" and Path(above, "renv.lock").exists()
    is_venv = Path(real, "pyvenv.cfg").exists()
    return real in neighbours.above or real in neighbours.environments or is_renv or is_venv


def _is_own(name: str) -> bool:
    return not name.startswith(".") and name not in _MADE and not name.endswith(_TEMPORARY)


def _text(path: Path, model: ModelSpec, places: Places) -> str:
    try:
        return opening.read_text(path, places, department=model.department, code=True)
    except opening.PathRefused as refused:
        raise _refused(path, refused) from None
    except UnicodeDecodeError:
        raise ModelError("the code is not UTF-8", where=str(path), fix="save the file as UTF-8") from None
    except OSError as error:
        raise ModelError(
            f"the code cannot be read: {error.strerror}",
            where=str(path),
            fix="let this account read the file, or correct `code:` in the model's YAML",
        ) from None


def _bytes(path: Path, model: ModelSpec, places: Places, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise _too_much(model, path.parent, f"more than {MOST_BYTES // 2**20} MiB of files")
        return opening.read_bytes(path, places, department=model.department, code=True, most=most)
    except opening.PathRefused as refused:
        raise _refused(path, refused) from None
    except OSError as error:
        raise ModelError(
            f"a file beside the model's code cannot be read: {error.strerror}",
            where=str(path),
            fix="let this account read it, or move it out of the model's folder: a version keeps all of it",
        ) from None


def _refused(path: Path, refused: opening.PathRefused) -> ModelError:
    return ModelError(f"the path is refused: {refused.why}", where=str(path), fix=FIX)


def _too_much(model: ModelSpec, folder: Path, what: str) -> ModelError:
    return ModelError(
        f"{what} lie in the folder of the model's code, and each version keeps all of them",
        where=f"{model.model.origin} ({folder})",
        fix="move the code to a folder that holds only what the code needs; read data through a source",
    )
