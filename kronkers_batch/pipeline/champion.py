"""Opening a champion: its stored model in a worker, proven to score as it did when it was trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, RowsPolicy
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.declared.workers import worker_spec
from kronkers_batch.errors import ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.pipeline import parcel
from kronkers_batch.pipeline.golden import has_parts, same_scores, unpacked
from kronkers_batch.pipeline.runtime import BY_PATH, MOST_NAMED, PACKAGE, runtime_of
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.runtimes.model_worker import start
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    from kronkers_batch.runtimes.model_worker import Worker

_VERSION = re.compile(r"\d{1,4}(?:[.-]\d{1,6}){0,4}(?:(?:\.?(?:a|b|rc|dev|post)|\+cpu|\+cu)\d{0,4})?")


def open_champion(services: Services, model: ModelSpec, version: ModelVersion) -> Worker:
    """A worker with this version loaded, which has just scored its golden rows as when it was trained.

    ``model`` is the declaration as trained.

    Raises:
        AccessRefused: Today's definition must be signed and is not.
        ModelError: The golden rows get other scores, or none.
    """
    services.run.permissions.require(model.name)
    raw = services.registry.artifact(version) if "files" in version.training.declaration else None
    if raw is not None:
        files, artifact = parcel.unpacked(version, raw)
        model = as_trained(model, version, files)
    worker = start(worker_spec(services, model, version.training.features))
    try:
        worker.load(artifact if raw is not None else services.registry.artifact(version))
        _prove(services, worker, model, version)
    except BaseException:
        worker.close()
        raise
    return worker


def _prove(services: Services, worker: Worker, model: ModelSpec, version: ModelVersion) -> None:
    """Every part of the golden rows must get the scores that were kept with the version."""
    if not _provable(model, version):
        return
    for rows, expected in unpacked(version.training.golden.rows):
        try:
            found = worker.score(rows, apart=True)
        except WorkerFailed:
            raise
        except ScoreFailed as error:
            raise _another(
                services, worker, model, version, f"no longer scores its golden rows: {error.what}"
            ) from None
        if not same_scores(expected, found.select(expected.columns)):
            what = "no longer gives its golden rows the scores that they had when it was trained"
            raise _another(services, worker, model, version, what)


def _provable(model: ModelSpec, version: ModelVersion) -> bool:
    """Golden rows of older versions were scored among others, which proves nothing of ``rows: whole``."""
    golden = version.training.golden.rows
    return not golden.is_empty() and (has_parts(golden) or model.rows is not RowsPolicy.WHOLE)


def _another(
    services: Services, worker: Worker, model: ModelSpec, version: ModelVersion, what: str
) -> ModelError:
    changed = _changed(services, model, version, worker)
    since = (
        f"changed since training: {changed}" if changed else "the program knows of no change since training"
    )
    return ModelError(
        f"{version.ref} {what}; {since}",
        where=f"model {model.name}",
        fix=f"undo the change, or train a new version: kronkers train {model.name} --force",
    )


def proof_of(services: Services, model: ModelSpec, version: ModelVersion, worker: Worker) -> str:
    """What is worth telling of a champion that was opened: what changed, or that it could not be proven."""
    if not _provable(model, version):
        return (
            f"{version.ref} was trained before the program kept golden rows for models with rows: whole, so "
            f"nothing proves that its scores are unchanged; kronkers train {model.name} --force keeps them"
        )
    changed = _changed(services, model, version, worker)
    return (
        f"since {version.ref} was trained: {changed}; its golden rows still get the same scores"
        if changed
        else ""
    )


def _changed(services: Services, model: ModelSpec, version: ModelVersion, worker: Worker) -> str:
    now = runtime_of(services, model, worker)
    if not has_parts(version.training.golden.rows):  # nor did it record what it had by path
        now = {name: value for name, value in now.items() if not name.startswith(BY_PATH)}
    return changes_of(version.training.runtime, now)


def changes_of(trained: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed of an interpreter and its packages, for a message; empty where nothing did.

    The worker says these names and versions, and could say rows in their place: only what looks like a
    version is shown, and of a few packages.
    """
    # Which packages are loaded may differ; which are installed by path does not.
    names = sorted(
        name
        for name in {*trained, *now}
        if trained.get(name) != now.get(name)
        and (name.startswith(BY_PATH) or (name in trained and name in now))
    )
    plain = [change for name in names if (change := _change(name, trained.get(name, ""), now.get(name, "")))][
        :MOST_NAMED
    ]
    rest = len(names) - len(plain)
    if not plain:
        return f"{rest} packages" if rest else ""
    return ", ".join([*plain, f"and {rest} more"] if rest else plain)


def _change(name: str, before: str, now: str) -> str:
    if name.startswith(BY_PATH):
        short = name.removeprefix(BY_PATH)
        how = "changed" if before and now else "new" if now else "gone"
        return f"the files of {short} ({how})" if PACKAGE.fullmatch(short) else ""
    plain = PACKAGE.fullmatch(name) and _VERSION.fullmatch(before) and _VERSION.fullmatch(now)
    return f"{name} {before} -> {now}" if plain else ""
