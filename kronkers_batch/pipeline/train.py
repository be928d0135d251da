"""Train: fit on a frozen window, measure on the holdout, record an immutable version, promote by policy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.access import rights
from kronkers_batch.audit import commits
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.spec import ModelSpec, Promote
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.declared.declaration import declaration, read_code
from kronkers_batch.declared.measure_code import read_measures
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import training_window
from kronkers_batch.declared.workers import worker_spec
from kronkers_batch.events.types import Kind
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.monitoring.gates import Verdict, as_words, judge_metrics
from kronkers_batch.pipeline import forecasting, own_measures, parcel, refit
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.forecasting import SeriesData
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.measuring import ChampionScores, rounded
from kronkers_batch.pipeline.prepare import TrainingData, feature_columns, training_data, with_levels
from kronkers_batch.pipeline.runtime import by_path, runtime_of
from kronkers_batch.pipeline.stability import champion_scores, compared_with
from kronkers_batch.pipeline.targets import check_values, target_column
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


_Read = tuple[SnapshotRef, TrainingData, ModelVersion | None]


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

    ``occasion`` writes its event in the transaction that records the version. Nothing is recorded unless all
    worked; what misses a threshold is not promoted. Raises AccessRefused, SourceError, DataError, ModelError.
    """
    services.run.permissions.require(model.name)
    snapshot, data, champion = _rows(services, model, date)
    features = with_levels(model, data.fit)
    fitted = _fit(services, model, data, features, champion_scores(services, model, champion, data))
    excused = () if champion else model.judge.comparing(model.goal)
    verdict = judge_metrics(model.training_thresholds, fitted.verified.metrics, excused)
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
            rows=_counts(model, data),
            features=fitted.features,
            target=model.target,
            golden=Golden.of(fitted.verified.golden),
            runtime=fitted.runtime,
            overrides=model.overrides,
            verdict=verdict.missed,
            why=why,
            run_id=services.run_id,
            declaration=declaration(model, fitted.code, read_measures(services, model)),
            excused=excused,
            commit=commits.as_recorded(services),
        ),
        fitted.packed(),
        {"thresholds": as_words(model.training_thresholds)},
        promote=f"{why}; {rounded(fitted.verified.metrics)}; {verdict.why()}" if promoted else "",
        event=lambda connection, version: _tell(services, occasion, connection, trained(version)),
    )
    return trained(version)


def _rows(services: Services, model: ModelSpec, date: dt.date) -> _Read:
    """The rows of the training window, with their values checked, and the champion to compare with."""
    source = source_of(services, model.source)
    snapshot = ingest(services, model, training_window(model, source, date))
    champion = compared_with(services, model)
    if model.goal.panel:
        data: TrainingData = forecasting.training_data(services, model, source, snapshot)
    else:
        needed = champion.training.features.names if champion else ()
        data = training_data(services, model, source, snapshot, needed)
    check_values(model, data)
    return snapshot, data, champion


def _counts(model: ModelSpec, data: TrainingData) -> dict[str, int]:
    found = {"fit": data.fit.height, "holdout": data.holdout.height, "unlabelled": data.unlabelled}
    if not model.windows.refit:
        return found
    return found | {refit.REFIT: refit.labelled(model, data.fit, data.holdout)}


@dataclass(frozen=True)
class _Fitted:
    """What a worker fitted, as it stored it; what came of its verification; and in which runtime."""

    features: Schema
    artifact: bytes
    verified: Verified
    runtime: dict[str, str]
    code: KeptCode | None

    def packed(self) -> bytes:
        """The artifact, with the files of its code."""
        return parcel.packed(self.code.files if self.code else {}, self.artifact)


def _fit(
    services: Services, model: ModelSpec, data: TrainingData, features: Schema, champion: ChampionScores
) -> _Fitted:
    """Fits and measures; with ``window.refit`` fits all rows then, and binds both fits."""
    with own_measures.started(services, model, features) as own:
        first = _once(services, model, data, features, champion)
        first = replace(first, verified=own.added(first.verified, data))
    if not model.windows.refit:
        return first
    whole = refit.all_rows(model, data)
    last = _once(services, model, whole, with_levels(model, whole.fit), champion)
    return replace(last, verified=refit.bound(services, model, data, first.verified, last.verified))


def _once(
    services: Services, model: ModelSpec, data: TrainingData, features: Schema, champion: ChampionScores
) -> _Fitted:
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
        fitted.fit(_typed(data.fit, features, model).iter_slices(CHUNK_ROWS) if model.task.learns else ())
        artifact = fitted.save()
        if isinstance(data, SeriesData):
            verified = forecasting.verify(fitted, fresh, artifact, model, data, features)
        else:
            verified = verify(fitted, fresh, artifact, model, data, features, champion)
        return _Fitted(features, artifact, verified, runtime_of(services, model, fresh), code)


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
    return _started(services, model, feature_columns(model), target_column(model))


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


def _typed(frame: pl.DataFrame, features: Schema, model: ModelSpec) -> pl.DataFrame:
    columns, target = (*features.columns, *model.fit_only), target_column(model)
    if target is None:
        return as_features(frame, Schema(columns))
    sent = frame.with_columns(model.judge.send(frame[model.target], model.goal).alias(model.target))
    return as_features(sent, Schema((*columns, target)))
