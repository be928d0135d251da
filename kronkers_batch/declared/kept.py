"""A model's code as its version keeps it: the code file, and all that lies in its folder.

``source("prices.R")``, ``import churnlib``, ``include("twice.jl")`` and ``read.csv("lookup.csv")`` find what
lies beside the code. So all of that is read with the code, is part of the definition, is sealed with the
version, and is what its workers see, whatever the folder holds by then.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from kronkers_batch.config import opening
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import CodeFile, ModelSpec
from kronkers_batch.declared.model_files import MOST_BYTES, Listed, listed, state_of
from kronkers_batch.errors import ModelError
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode
from kronkers_batch.session.known import Neighbours

_TRIES = 3


def kept_code(model: ModelSpec, places: Places, neighbours: Neighbours) -> KeptCode | None:
    """The files of a model as they are now; None for a declared estimator.

    Raises:
        ModelError: One cannot be read, leads where it may not, or there are too many of them; or they change
            while they are read.
    """
    code = model.model
    if not isinstance(code, CodeFile):
        return None
    for _ in range(_TRIES):
        before = listed(model, places, neighbours), state_of(code.path)
        text = code_text(code.path, model, places)
        with suppress(FileNotFoundError):  # deleted since it was listed
            files = {one.name: _bytes(one, model, places) for one in before[0]}
            # What is kept is one state of the folder, not half of an older one: a checkout may be under way.
            if before == (listed(model, places, neighbours), state_of(code.path)):
                return KeptCode(PLACE / code.path.name, code.origin, text, files)
    raise ModelError(
        "the files of the model changed while the program read them",
        where=f"{code.origin} ({code.path.parent})",
        fix="wait until nothing is being written there, and run the command again",
    )


def code_text(path: Path, model: ModelSpec, places: Places) -> str:
    """A code file of a model. Raises ModelError where it cannot be read, or leads where it may not."""
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


def _bytes(found: Listed, model: ModelSpec, places: Places) -> bytes:
    path = found.path
    try:
        return opening.read_bytes(path, places, department=model.department, code=True, most=MOST_BYTES)
    except opening.PathRefused as refused:
        raise _refused(path, refused) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(
            f"a file beside the model's code cannot be read: {error.strerror}",
            where=str(path),
            fix="let this account read it, or move it out of the model's folder: a version keeps all of it",
        ) from None


def _refused(path: Path, refused: opening.PathRefused) -> ModelError:
    return ModelError(f"the path is refused: {refused.why}", where=str(path), fix=FIX)
