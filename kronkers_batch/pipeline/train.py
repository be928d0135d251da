"""Train: fit on a frozen window, measure on the holdout, record an immutable version, promote by policy."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.access import rights
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.spec import ModelSpec, Promote
from kronkers_batch.declared.declaration import declaration, read_code
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import training_window
from kronkers_batch.declared.workers import worker_spec
from kronkers_batch.events.types import Kind
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.monitoring.gates import Verdict, as_words, judge_metrics
from kronkers_batch.pipeline import parcel
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.measuring import rounded
from kronkers_batch.pipeline.prepare import TrainingData, feature_columns, training_data, with_levels
from kronkers_batch.pipeline.runtime import by_path, runtime_of
from kronkers_batch.pipeline.targets import check_values
from kronkers_batch.pipeline.verify import CHUNK_ROWS, Verified, verify
from kronkers_batch.planning.training_due import waits_for_approver
from kronkers_batch.registry.training import Golden, ModelVersion, Training
from kronkers_batch.runtimes.model_worker import start
from kronkers_batch.runtimes.worker_spec import KeptCode
from kronkers_batch.session.known import Definition
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from kronkers_batch.runtimes.model_worker import Worker


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    version: ModelVersion
    verdict: Verdict
    promoted: bool
    waits: bool = False  # it would be promoted, but who ran is no approver
    remarks: tuple[str, ...] = ()  # what else is worth telling of it

    @property
    def state(self) -> str:
        """``done``, or ``held`` where a threshold or a person keeps it from being used."""
        return "done" if self.verdict.passed and not self.waits else "held"

    def message(self) -> str:
        """One line for the table at the end of a run."""
        state = "promoted" if self.promoted else "not promoted"
        why = "" if self.promoted else f": {self.verdict.why()}"
        if self.verdict.passed and not self.promoted:
            why = f": {waits_for_approver(self.version.ref)}"
        measured = f"{self.version.ref} {state}{why} ({rounded(self.version.training.metrics)})"
        return "; ".join([measured, *self.remarks])


def train(
    services: Services,
    model: ModelSpec,
    date: dt.date,
    fingerprint: str,
    definition: Definition,
    why: str,
    occasion: Occasion | None = None,
) -> Trained:
    """Train one model as of a logical date.

    ``occasion`` writes its event, in the transaction that records the version. Nothing is recorded
    unless everything worked; a version whose metrics miss a threshold is recorded, and not promoted.
    Raises AccessRefused, SourceError, CheckFailed, DataError, ModelError.
    """
    services.run.permissions.require(model.name)
    source = source_of(services, model.source)
    snapshot = ingest(services, model, training_window(model, source, date))
    data = training_data(services, model, source, snapshot)
    features = with_levels(model, data.fit)
    check_values(model, data)
    fitted = fit(services, model, data, features)
    verdict = judge_metrics(model.training_thresholds, fitted.verified.metrics)
    due = verdict.passed and model.promote is Promote.AUTOMATIC
    promoted = due and rights.may_promote(services, model.name)

    def trained(version: ModelVersion) -> Trained:
        return Trained(version, verdict, promoted, due and not promoted, fitted.verified.remarks)

    version = services.registry.record(
        Training(
            model=model.name,
            department=model.department,
            logical_date=date,
            window=snapshot.window.to_json(),
            fingerprint=fingerprint,
            definition=definition.flat,
            definition_fingerprint=definition.training,
            fingerprints={**definition.parts, "snapshot": snapshot.fingerprint},
            snapshot_id=snapshot.id,
            metrics=fitted.verified.metrics,
            naive=fitted.verified.naive,
            parameters=dict(model.parameters),
            rows={"fit": data.fit.height, "holdout": data.holdout.height, "unlabelled": data.unlabelled},
            features=features,
            target=model.target,
            golden=Golden.of(fitted.verified.golden, fitted.verified.described),
            runtime=fitted.runtime,
            overrides=model.overrides,
            verdict=verdict.missed,
            why=why,
            run_id=services.run_id,
            declaration=declaration(model, fitted.code),
        ),
        fitted.packed(),
        {"thresholds": as_words(model.training_thresholds)},
        promote=f"{why}; {rounded(fitted.verified.metrics)}; {verdict.why()}" if promoted else "",
        event=lambda connection, version: _tell(services, occasion, connection, trained(version)),
    )
    return trained(version)


@dataclass(frozen=True)
class Fitted:
    """What a worker fitted, as it stored it; what came of its verification; and in which runtime.

    ``seconds`` is how long fitting took, and ``looks`` says how the code saw each column, if that was asked.
    """

    artifact: bytes
    verified: Verified
    runtime: dict[str, str]
    code: KeptCode | None
    seconds: float
    looks: Mapping[str, str] = field(default_factory=dict)

    def packed(self) -> bytes:
        """The artifact, with the files of its code."""
        return parcel.packed(self.code.files if self.code else {}, self.artifact)


def fit(
    services: Services, model: ModelSpec, data: TrainingData, features: Schema, *, look: bool = False
) -> Fitted:
    """Fits in one worker, and measures in another one that has nothing but what was stored."""
    code = read_code(services, model)
    by_path(services, model)  # before a worker opens what lies there
    opened = partial(open_trainer, services, model)
    # The second one starts while the first one fits.
    with (
        services.workers.use_up(trainer_key(model), opened) as fitted,
        _fresh(services, model, features) as fresh,
    ):
        fitted.know_levels(features)
        services.progress(f"fit {model.name}", data.fit.height)
        frame, started = given_to_fit(data.fit, features, model), _ready(fitted)
        fitted.fit(frame.iter_slices(CHUNK_ROWS))
        seconds = time.monotonic() - started
        looks = fitted.look(frame.head(CHUNK_ROWS)) if look else {}
        artifact = fitted.save()
        verified = verify(fitted, fresh, artifact, model, data, features)
        return Fitted(artifact, verified, runtime_of(services, model, fresh), code, seconds, looks)


def _ready(worker: Worker) -> float:
    """The time at which the worker has started: how long that takes is not counted."""
    assert worker.info  # noqa: S101 - waits for the start
    return time.monotonic()


def _tell(services: Services, given: Occasion | None, connection: Connection, trained: Trained) -> None:
    version, training = trained.version, trained.version.training
    occasion = given or Occasion(services, training.model, training.department, "train", training.why)
    date = str(training.logical_date)
    occasion.tell(connection, Kind.TRAINED, trained.state, trained.message(), version.ref, date)
    if trained.promoted:
        occasion.promoted(connection, version.ref, training.why)


def trainer_key(model: ModelSpec) -> str:
    """The name of a model's training worker in the pool."""
    return f"train {model.name}"


def open_trainer(services: Services, model: ModelSpec) -> Worker:
    """A worker that is to be trained, running the code that the version will keep.

    It may start before the data is there, and so does not know the levels of categories yet.
    Raises AccessRefused where the definition must be signed and is not, ModelError and MissingPart.
    """
    target = model.task.sent(Column(model.target, model.target_type), model.goal)
    return _started(services, model, feature_columns(model), target)


def _fresh(services: Services, model: ModelSpec, features: Schema) -> Worker:
    """A worker as those that will score, with nothing of the one that fits."""
    return _started(services, model, features)


def _started(services: Services, model: ModelSpec, features: Schema, target: Column | None = None) -> Worker:
    services.run.permissions.require(model.name)
    code = read_code(services, model)
    return start(worker_spec(services, replace(model, model=code) if code else model, features, target))


def promote_recorded(
    services: Services, model: ModelSpec, version: ModelVersion, occasion: Occasion | None = None
) -> str:
    """Promote a recorded version that today's thresholds let through; nothing is computed.

    Returns why, in words.
    """
    missed = version.training.verdict
    why = "today's thresholds hold" if missed else "it passed its thresholds, and was not promoted then"
    occasion = occasion or Occasion(services, model.name, model.department, "train", why)
    services.registry.promote(
        model.name,
        version.number,
        why="the thresholds changed and now hold" if missed else why,
        missed=(),
        details={"thresholds": as_words(model.training_thresholds)},
        event=lambda connection, _scope, ref: occasion.tell(
            connection, Kind.PROMOTED, "done", f"{ref} promoted: {why}", ref
        ),
    )
    return why


def given_to_fit(frame: pl.DataFrame, features: Schema, model: ModelSpec) -> pl.DataFrame:
    """The frame that ``fit`` gets: features, then the columns that only it sees, then the target."""
    target = model.task.sent(Column(model.target, model.target_type), model.goal)
    sent = frame.with_columns(model.task.send(frame[model.target], model.goal).alias(model.target))
    return as_features(sent, Schema((*features.columns, *model.fit_only, target)))
