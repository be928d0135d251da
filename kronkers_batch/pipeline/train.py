"""Train: fit on a frozen window, measure on the holdout, record an immutable version, promote by policy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.access import rights
from kronkers_batch.audit import commits
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.spec import ModelSpec, Promote
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.declared.declaration import declaration
from kronkers_batch.declared.measure_code import read_measures
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import training_window
from kronkers_batch.events.types import Kind
from kronkers_batch.monitoring.gates import Verdict, as_words, judge_metrics
from kronkers_batch.pipeline import refit
from kronkers_batch.pipeline.fitting import fit
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.measuring import rounded
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.read_rows import read_rows
from kronkers_batch.pipeline.stability import champion_scores, compared_with
from kronkers_batch.planning.training_due import waits_for_approver
from kronkers_batch.registry.training import Golden, ModelVersion, Training
from kronkers_batch.session.known import Definition
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    from sqlalchemy import Connection


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
        metrics = rounded(self.version.training.metrics)
        measured = f"{self.version.ref} {state}{why}" + (f" ({metrics})" if metrics else "")
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
    fitted = fit(services, model, data, champion_scores(services, model, champion, data))
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
            golden=Golden.of(fitted.verified.golden, fitted.verified.described),
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
    needed = champion.training.features.names if champion else ()
    return snapshot, read_rows(services, model, source, snapshot, needed), champion


def _counts(model: ModelSpec, data: TrainingData) -> dict[str, int]:
    fit = 0 if model.imported else data.fit.height  # else they only give the naive prediction
    held_out = data.holdout.height if data.measures else 0
    found = {"fit": fit, "holdout": held_out, "unlabelled": data.unlabelled}
    if not model.windows.refit:
        return found
    return found | {refit.REFIT: refit.labelled(model, data.fit, data.holdout)}


def _tell(services: Services, given: Occasion | None, connection: Connection, trained: Trained) -> None:
    version, training = trained.version, trained.version.training
    occasion = given or Occasion(services, training.model, training.department, "train", training.why)
    date = str(training.logical_date)
    occasion.tell(connection, Kind.TRAINED, trained.state, trained.message(), version.ref, date)
    if trained.promoted:
        occasion.promoted(connection, version.ref, training.why)


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
