"""The files of a model that was fitted elsewhere, read as they were when the run looked at them first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kronkers_batch.config import opening
from kronkers_batch.config.opening import Opened
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import ModelError
from kronkers_batch.runtimes.languages import MIB
from kronkers_batch.runtimes.limits import scratch_size
from kronkers_batch.session.services import Services

ARTIFACT, GOLDEN = "artifact", "golden"
MOST_GOLDEN = 16 * MIB
_BLOCK = MIB


def digests(services: Services, model: ModelSpec) -> dict[str, str]:
    """SHA-256 (hex) of the artifact and of the golden rows; worked out once a run. Empty of other models.

    Raises:
        ModelError: One cannot be read, is too large, or leads where it may not.
    """
    known = services.run.imported
    if model.name not in known:
        known[model.name] = digests_of(model, services.places)
    return known[model.name]


def digests_of(model: ModelSpec, places: Places) -> dict[str, str]:
    """As :func:`digests`, of the files as they are now."""
    if model.imported is None:
        return {}
    found = {ARTIFACT: _digest(model, model.imported.artifact, ARTIFACT, places)}
    if model.imported.golden is not None:
        found[GOLDEN] = _digest(model, model.imported.golden, GOLDEN, places)
    return found


def bytes_of(model: ModelSpec, key: str, places: Places, digest: str) -> bytes:
    """The stored model, or its golden rows, with this digest.

    Raises:
        ModelError: It cannot be read, or has another digest: the file changed.
    """
    imported = model.imported
    path = None if imported is None else imported.artifact if key == ARTIFACT else imported.golden
    if path is None:
        raise TypeError("this model has no such file")
    with _opened(model, path, key, places) as file:
        raw = Path(file.reading).read_bytes()
    require(model, key, hashlib.sha256(raw).hexdigest(), digest)
    return raw


def require(model: ModelSpec, key: str, found: str, digest: str) -> None:
    """Raises ModelError where a file of a model has another digest than before: what runs was looked at."""
    if found != digest:
        raise ModelError(
            f"the file of `{key}` changed after the program had looked at it",
            where=_at(model, key),
            fix="wait until nothing is being written there, and run the command again",
        )


def _digest(model: ModelSpec, path: Path, key: str, places: Places) -> str:
    whole = hashlib.sha256()
    with _opened(model, path, key, places) as file, Path(file.reading).open("rb") as raw:
        while block := raw.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()


@contextmanager
def _opened(model: ModelSpec, path: Path, key: str, places: Places) -> Iterator[Opened]:
    where = f"{_at(model, key)} ({path})"
    try:
        with opening.opened(path, places, department=model.department) as file:
            _refuse_size(model, key, file.info.st_size, where)
            yield file
    except opening.PathRefused as refused:
        raise ModelError(f"the path is refused: {refused.why}", where=where, fix=FIX) from None
    except FileNotFoundError:
        golden = " --golden FILE" if key == GOLDEN else ""
        fix = f"put it there: kronkers import {model.name} FILE{golden}; or correct `{key}:`"
        raise ModelError("the file does not exist", where=where, fix=fix) from None
    except OSError as error:
        fix = f"let this account read it, or correct `{key}:`"
        raise ModelError(f"the file cannot be read: {error.strerror}", where=where, fix=fix) from None


def _refuse_size(model: ModelSpec, key: str, size: int, where: str) -> None:
    """Before it is read. A worker stores an artifact in its scratch before it opens it."""
    most = scratch_size(model.resources) if key == ARTIFACT else MOST_GOLDEN
    if size > most:
        raise ModelError(
            f"the file has {size / MIB:,.0f} MiB, and may have {most // MIB:,} MiB",
            where=where,
            fix=f"raise resources.memory (now {model.resources.memory // MIB:,} MiB): a worker opens an "
            "artifact of at most half of it"
            if key == ARTIFACT
            else "a few dozen rows are enough",
        )


def _at(model: ModelSpec, key: str) -> str:
    return str(model.origins.get(key, model.origin))
