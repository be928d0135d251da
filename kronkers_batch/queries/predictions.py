"""Scores of a person's own rows, by one version of a model; nothing is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.access import authorisation, rights
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.errors import NotFound, UsageError
from kronkers_batch.pipeline import row_file
from kronkers_batch.pipeline.champion import open_champion, proof_of
from kronkers_batch.pipeline.score import other_source, scoring_workers
from kronkers_batch.pipeline.scored_rows import scored_rows
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.registry.training import ModelVersion, parse_ref
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    import polars as pl

ROW = "row"
"""The number of a row, from 1, where the file has no column of the model's key."""


@dataclass
class Predictions:
    """The scores, chunk by chunk, with the columns of the key that the file has.

    Attributes:
        version: What scores.
        frames: At least one; each is read, checked and scored when it is asked for.
        remarks: What is worth telling of the version; complete after the last frame.
    """

    version: ModelVersion
    frames: Iterator[pl.DataFrame]
    remarks: list[str] = field(default_factory=list)


def predict(services: Services, ref: str, path: Path, to: str = "") -> Predictions:
    """Scores a file as a night scores its rows: the same checks, types, levels and chunks.

    Args:
        services: The opened system.
        ref: ``NAME`` for its champion, or ``NAME@3``.
        path: A CSV or Parquet file.
        to: The file that gets the scores, for the ledger; empty where they are shown.

    Raises:
        AccessRefused: Below operator, or the definition must be signed and is not. NotFound: no champion, or
            no such version. SourceError, DataError, CheckFailed: the file is not as declared. ModelError.
        StoreError: The reading cannot be recorded.
    """
    name = ref.partition("@")[0]
    rights.require(services, "predict", name)
    authorisation.authorise(services, name)
    version = _version(services, name, ref)
    model = as_trained(services.model(name), version)
    if model.goal.panel:
        raise UsageError(
            "kronkers predict scores rows of a file, and a forecast needs the histories of its series",
            where=str(model.origins.get("task", model.origin)),
            fix=f"Add the rows to the source, and run the date: kronkers run {name} --date DATE",
        )
    file = row_file.opened(services, model, version, path)
    details = {"to": to} if to else {}
    with services.db.write() as connection:
        scope = Scope(model.department, name)
        add_entry(services.ledger, connection, services.vault, "predict", version.ref, scope, details)
    found = Predictions(version, iter(()))
    found.frames = _frames(services, file, found)
    return found


def _version(services: Services, name: str, ref: str) -> ModelVersion:
    if "@" in ref:
        return services.registry.get(name, parse_ref(ref)[1])
    version = services.registry.champion(name)
    if version is None:
        raise NotFound(f"{name} has no champion yet", fix=f"Train it first: kronkers run {name}")
    return version


def _frames(services: Services, file: row_file.RowFile, found: Predictions) -> Iterator[pl.DataFrame]:
    import polars as pl

    model, version = file.model, found.version
    opened = partial(open_champion, services, model, version)
    rows = file.checked()
    with services.workers.use_several(version.id, opened, scoring_workers(model)) as workers:
        said = (proof_of(services, model, version, workers[0]), other_source(services, model, version))
        found.remarks += filter(None, said)
        done = 0
        for scores in scored_rows(model, rows, workers, version.training.features, file.keys):
            number = pl.int_range(done + 1, done + 1 + scores.height, dtype=pl.Int64, eager=True).alias(ROW)
            done += scores.height
            services.progress(f"score {model.name}", done)
            yield scores if file.keys else scores.insert_column(0, number)
