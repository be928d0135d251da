"""Puts the file of a model that was fitted elsewhere where its model file declares it, once it was tried."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.access import rights
from kronkers_batch.access.unsigned import check_probe
from kronkers_batch.config.imported import Imported
from kronkers_batch.config.model_import import refuse_ending
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.declared.declaration import read_code
from kronkers_batch.declared.workers import walls_of
from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.pipeline import importing
from kronkers_batch.session.services import Services

_FOLDER = 0o755


def place(services: Services, name: str, file: Path, golden: Path | None) -> list[Path]:
    """Tries a model's new artifact, and puts it (and its golden rows) where the model declares them.

    Nothing is written unless the artifact opens in a worker and gives the golden rows their scores.

    Args:
        services: The opened system.
        name: The model.
        file: The artifact.
        golden: Its golden rows; None keeps those that are declared.

    Returns:
        The files that were written: none where they were in place already.

    Raises:
        UsageError: The model declares no artifact, or no golden rows where some are given.
        AccessRefused, ModelError, DataError, MissingPart, StoreError.
    """
    rights.require(services, "import", name)
    model = services.model(name)
    declared = _declared(model, file, golden)
    check_probe(services.config)
    code = read_code(services, model)
    tried = replace(model, model=code or model.model, imported=Imported(file, golden or declared.golden))
    digests = artifact_file.digests_of(tried, services.places)
    sandbox = services.config.executor.sandbox
    importing.tried(tried, sandbox, walls_of(services, model), services.places, digests)
    written = _write(tried, file, declared.artifact, artifact_file.ARTIFACT, services, digests)
    if golden is not None and declared.golden is not None:
        written += _write(tried, golden, declared.golden, artifact_file.GOLDEN, services, digests)
    return written


def _declared(model: ModelSpec, file: Path, golden: Path | None) -> Imported:
    at = model.origin.file
    if model.imported is None:
        ending = (model.language.stored or (".FILE",))[0]
        raise UsageError(
            f"{model.name} is fitted here: its file declares no artifact",
            fix=f"write into {at}: artifact: models/{model.name}/fitted{ending}, and golden: "
            f"models/{model.name}/golden.csv; of an estimator keep only its name and predict_arguments",
        )
    what, fix = refuse_ending(file.name, model.language)
    if what:
        raise UsageError(what, fix=fix)
    if golden is not None:
        wanted = model.imported.golden
        if wanted is None:
            raise UsageError(
                f"{model.name} declares no golden rows",
                fix=f"write into {at}: golden: models/{model.name}/golden{golden.suffix}",
            )
        if golden.suffix != wanted.suffix:
            raise UsageError(
                f"the file of golden rows ends in {golden.suffix}, and the declared one in {wanted.suffix}",
                fix=f"correct golden in {at}, or give a file that ends in {wanted.suffix}",
            )
    return model.imported


def _write(
    tried: ModelSpec, file: Path, to: Path, key: str, services: Services, digests: dict[str, str]
) -> list[Path]:
    """Copies a file that was tried, as it was then; it is there whole or not at all."""
    if os.path.realpath(file) == os.path.realpath(to):
        return []
    raw = artifact_file.bytes_of(tried, key, services.places, digests[key])
    try:
        if to.is_file() and to.stat().st_size == len(raw) and to.read_bytes() == raw:
            return []
        private.make_folder(to.parent, _FOLDER)
        private.replace(to, raw, mode=stat.S_IMODE(file.stat().st_mode))
    except OSError as error:
        raise StoreError(
            f"the file cannot be written: {error.strerror}",
            where=str(to),
            fix="let this account write to the folder, or copy the file there by hand",
        ) from None
    return [to]
