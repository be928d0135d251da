"""Train: fit on a frozen window, measure on the holdout, record an immutable version, promote by policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import CodeFile, ModelSpec, Promote, RowsPolicy
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.monitoring.gates import Verdict, as_words, judge_metrics
from kronkers_batch.monitoring.metrics import metrics, rounded
from kronkers_batch.registry.training import ModelVersion, Training
from kronkers_batch.runtimes.spec import KeptCode
from kronkers_batch.runtimes.worker import start
from kronkers_batch.steps import rights
from kronkers_batch.steps.declared import declaration, read_code, write_code
from kronkers_batch.steps.definitions import Definition
from kronkers_batch.steps.features import as_features, target_as_float
from kronkers_batch.steps.golden import golden_rows, same_scores
from kronkers_batch.steps.ingest import ingest
from kronkers_batch.steps.permits import permit
from kronkers_batch.steps.prepare import TrainingData, feature_columns, training_data, with_levels
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import source_of
from kronkers_batch.steps.windows import training_window
from kronkers_batch.steps.workers import worker_spec

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.worker import Worker

CHUNK_ROWS = 65_536
INVARIANCE_ROWS = 2_000


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    version: ModelVersion
    verdict: Verdict
    promoted: bool
    waits: bool = False  # it would be promoted, but who ran is no approver

    def message(self) -> str:
        """One line for the table at the end of a run."""
        state = "promoted" if self.promoted else "not promoted"
        why = "" if self.promoted else f": {self.verdict.why()}"
        if self.waits:
            why = f": {waits_for_approver(self.version)}"
        return f"{self.version.ref} {state}{why} ({rounded(self.version.training.metrics)})"


def train(
    services: Services, model: ModelSpec, date: dt.date, fingerprint: str, definition: Definition, why: str
) -> Trained:
    """Train one model as of a logical date.

    Raises AccessRefused, SourceError, CheckFailed, DataError, ModelError. Nothing is recorded unless
    everything worked; a version whose metrics miss a threshold is recorded, and not promoted.
    """
    permit(services, model.name)
    source = source_of(services, model.source)
    window = training_window(model, source, date)
    snapshot = ingest(services, model, window)
    data = training_data(services, model, source, snapshot)
    features = with_levels(model, data.fit)
    declared = declaration(model, read_code(services, model))
    with services.workers.use_up(trainer_key(model), partial(open_trainer, services, model)) as worker:
        worker.know_levels(features)
        services.progress(f"fit {model.name}", data.fit.height)
        worker.fit(_chunks(_typed(data.fit, features, model)))
        artifact = worker.save()
        scores, values, naive = _measure(worker, model, data, features)
        golden = golden_rows(as_features(data.holdout, features), scores)
        _refuse_dependent_rows(worker, model, as_features(data.holdout, features))
        info = worker.info
    verdict = judge_metrics(model.training_thresholds, values)
    due = verdict.passed and model.promote is Promote.AUTOMATIC
    promoted = due and rights.may_promote(services, model.name)
    told = {"thresholds": as_words(model.training_thresholds)}
    version = services.registry.record(
        Training(
            model=model.name,
            department=model.department,
            logical_date=date,
            window=window.to_json(),
            fingerprint=fingerprint,
            definition=definition.flat,
            definition_fingerprint=definition.training,
            fingerprints={**definition.parts, "snapshot": snapshot.fingerprint},
            snapshot_id=snapshot.id,
            metrics=values,
            naive=naive,
            parameters=dict(model.parameters),
            rows={"fit": data.fit.height, "holdout": data.holdout.height, "unlabelled": data.unlabelled},
            features=features,
            target=model.target,
            golden=golden,
            runtime={"language": str(model.language), "version": info.version, **info.packages},
            overrides=model.overrides,
            verdict=verdict.missed,
            why=why,
            run_id=services.run_id,
            declaration=declared,
        ),
        artifact,
        told,
        promote=f"{why}; {rounded(values)}; {verdict.why()}" if promoted else "",
    )
    return Trained(version, verdict, promoted, waits=due and not promoted)


def trainer_key(model: ModelSpec) -> str:
    """The name of a model's training worker in the pool."""
    return f"train {model.name}"


def open_trainer(services: Services, model: ModelSpec) -> Worker:
    """A worker that is to be trained, running the code that the version will keep.

    It may start before the data is there, and so does not know the levels of categories yet.
    Raises AccessRefused where the definition must be signed and is not, ModelError and MissingPart.
    """
    permit(services, model.name)
    if isinstance(model.model, CodeFile):
        text = read_code(services, model)
        kept = write_code(services, model.model.path.name, text)
        model = replace(model, model=KeptCode(kept, model.model.origin, text))
    target = Column(model.target, model.target_type)
    return start(worker_spec(services, model, feature_columns(model), target))


def promote_recorded(services: Services, model: ModelSpec, version: ModelVersion) -> str:
    """Promote a recorded version that today's thresholds let through; nothing is computed.

    Returns why, in words.
    """
    missed = version.training.verdict
    why = "today's thresholds hold" if missed else "it passed its thresholds, and was not promoted then"
    services.registry.promote(
        model.name,
        version.number,
        why="the thresholds changed and now hold" if missed else why,
        missed=(),
        details={"thresholds": as_words(model.training_thresholds)},
    )
    return why


def waits_for_approver(version: ModelVersion) -> str:
    """What is to be done about a version that the caller may not promote."""
    return f"it waits for an approver to run `kronkers promote {version.ref} --why REASON`"


def _typed(frame: pl.DataFrame, features: Schema, model: ModelSpec) -> pl.DataFrame:
    return as_features(frame, Schema((*features.columns, Column(model.target, model.target_type))))


def _chunks(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    return frame.iter_slices(CHUNK_ROWS)


def _measure(
    worker: Worker, model: ModelSpec, data: TrainingData, features: Schema
) -> tuple[pl.DataFrame, dict[str, float], float]:
    import polars as pl

    rows = as_features(data.holdout, features)
    chunks: Iterable[pl.DataFrame] = [rows] if model.rows is RowsPolicy.WHOLE else _chunks(rows)
    scores = pl.concat(list(worker.score_stream(chunks)))
    naive = float(target_as_float(data.fit, model.target).to_numpy().mean())
    truth = target_as_float(data.holdout, model.target).to_numpy()
    first = scores[model.output_columns[0].name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return scores, metrics(model.task, truth, first, naive), naive


def _refuse_dependent_rows(worker: Worker, model: ModelSpec, rows: pl.DataFrame) -> None:
    """A model that is scored in chunks must give a row the same score wherever it stands."""
    if model.rows is RowsPolicy.WHOLE:
        return
    sample = rows.head(INVARIANCE_ROWS)
    whole = worker.score(sample)
    backwards = worker.score(sample.reverse()).reverse()
    halves = [worker.score(part) for part in sample.iter_slices(max(1, sample.height // 3))]
    import polars as pl

    if not (same_scores(whole, backwards) and same_scores(whole, pl.concat(halves))):
        raise ScoreFailed(
            "the model gives a row another score when its rows are permuted or cut into other chunks",
            where=str(model.origins.get("rows", model.origin)),
            fix="score each row by itself (levels and statistics belong into fit), or declare rows: whole",
        )
