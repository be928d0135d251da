"""Fitting: one worker fits, another one opens what it stored and is measured; a final fit does it again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.declared.declaration import read_code
from kronkers_batch.declared.workers import worker_spec
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.pipeline import forecasting, importing, own_measures, parcel, refit
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.forecasting import SeriesData
from kronkers_batch.pipeline.measuring import NO_CHAMPION, ChampionScores
from kronkers_batch.pipeline.prepare import TrainingData, feature_columns, with_levels
from kronkers_batch.pipeline.runtime import by_path, runtime_of
from kronkers_batch.pipeline.targets import target_column
from kronkers_batch.pipeline.verify import CHUNK_ROWS, Verified, verify
from kronkers_batch.runtimes.model_worker import start
from kronkers_batch.runtimes.worker_spec import KeptCode
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker


@dataclass(frozen=True)
class Fitted:
    """What a worker fitted, as it stored it; what came of its verification; and in which runtime.

    ``seconds`` is how long fitting took, and ``looks`` says how the code saw each column, if that was asked.
    """

    features: Schema
    artifact: bytes
    verified: Verified
    runtime: dict[str, str]
    code: KeptCode | None
    seconds: float
    looks: Mapping[str, str] = field(default_factory=dict)

    def packed(self) -> bytes:
        """The artifact, with the files of its code."""
        return parcel.packed(self.code.files if self.code else {}, self.artifact)


def features_of(model: ModelSpec, data: TrainingData) -> Schema:
    """The features with their levels, as these rows have them; of an imported model as they are declared."""
    return importing.known_levels(model) if model.imported else with_levels(model, data.fit)


def fit(services: Services, model: ModelSpec, data: TrainingData, champion: ChampionScores) -> Fitted:
    """Fits and measures; with ``window.refit`` fits all rows then, and binds both fits.

    ``champion`` is what the champion gives the holdout. Raises ModelError, WorkerFailed, DataError.
    """
    first = fit_measured(services, model, data, champion)
    if not model.windows.refit:
        return first
    last = fit_once(services, model, refit.all_rows(model, data), champion)
    return replace(last, verified=refit.bound(services, model, data, first.verified, last.verified))


def fit_measured(
    services: Services,
    model: ModelSpec,
    data: TrainingData,
    champion: ChampionScores = NO_CHAMPION,
    *,
    look: bool = False,
) -> Fitted:
    """Fits once, and measures by the task's metrics and by the department's own measures."""
    with own_measures.started(services, model, features_of(model, data)) as own:
        first = fit_once(services, model, data, champion, look=look)
        return replace(first, verified=own.added(first.verified, data))


def fit_once(
    services: Services,
    model: ModelSpec,
    data: TrainingData,
    champion: ChampionScores = NO_CHAMPION,
    *,
    look: bool = False,
) -> Fitted:
    """Fits in one worker, and measures in another one that has nothing but what was stored."""
    code, features = read_code(services, model), features_of(model, data)
    by_path(services, model)  # before a worker opens what lies there
    opened = partial(open_trainer, services, model)
    # The second one starts while the first one fits.
    with (
        services.workers.use_up(trainer_key(model), opened) as fitted,
        _started(services, model, features) as fresh,
    ):
        fitted.know_levels(features)
        frame, started = given_to_fit(data.fit, features, model), _ready(fitted)
        artifact, given = _stored(services, fitted, model, frame, features)
        seconds = time.monotonic() - started
        looks = fitted.look(frame.head(CHUNK_ROWS)) if look else {}
        if isinstance(data, SeriesData):
            verified = forecasting.verify(fitted, fresh, artifact, model, data, features)
        else:
            verified = verify(fitted, fresh, artifact, model, data, features, champion)
        verified = replace(verified, golden=importing.with_given(verified.golden, given))
        runtime = runtime_of(services, model, fresh)
        return Fitted(features, artifact, verified, runtime, code, seconds, looks)


def _stored(
    services: Services, worker: Worker, model: ModelSpec, frame: pl.DataFrame, features: Schema
) -> tuple[bytes, list[importing.Part]]:
    """The fitted model as its worker stores it, or an imported one; and the golden rows of an importer."""
    if model.imported is not None:
        services.progress(f"open {model.name}", 0)
        digests = artifact_file.digests(services, model)
        return importing.opened(worker, model, features, services.places, digests)
    services.progress(f"fit {model.name}", frame.height)
    worker.fit(frame.iter_slices(CHUNK_ROWS) if model.task.learns else ())
    return worker.save(), []


def _ready(worker: Worker) -> float:
    """The time at which the worker has started: how long that takes is not counted."""
    assert worker.info  # noqa: S101 - waits for the start
    return time.monotonic()


def trainer_key(model: ModelSpec) -> str:
    """The name of a model's training worker in the pool."""
    return f"train {model.name}"


def open_trainer(services: Services, model: ModelSpec) -> Worker:
    """A worker that is to be trained, running the code that the version will keep.

    It may start before the data is there, and so does not know the levels of categories yet.
    Raises AccessRefused where the definition must be signed and is not, ModelError and MissingPart.
    """
    return _started(services, model, feature_columns(model), target_column(model))


def _started(services: Services, model: ModelSpec, features: Schema, target: Column | None = None) -> Worker:
    """A worker that is to fit; without a target one as those that will score."""
    services.run.permissions.require(model.name)
    code = read_code(services, model)
    return start(worker_spec(services, replace(model, model=code) if code else model, features, target))


def given_to_fit(frame: pl.DataFrame, features: Schema, model: ModelSpec) -> pl.DataFrame:
    """The frame that ``fit`` gets: features, then the columns that only it sees, then the target."""
    columns, target = (*features.columns, *model.fit_only), target_column(model)
    if target is None:
        return as_features(frame, Schema(columns))
    sent = frame.with_columns(model.judge.send(frame[model.target], model.goal).alias(model.target))
    return as_features(sent, Schema((*columns, target)))
