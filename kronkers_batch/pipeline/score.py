"""Score: the champion's predictions for one logical date, checked, encrypted and published as one version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.fingerprint import training_definition
from kronkers_batch.config.spec import ModelSpec, RowsPolicy
from kronkers_batch.data.checks import Checker, CheckResult
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.data.window import Window
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.declared.sources import output_schema, source_of
from kronkers_batch.declared.windows import predicted_window, scoring_window
from kronkers_batch.errors import CheckFailed, ModelError, SourceError, Stale
from kronkers_batch.events.types import Kind
from kronkers_batch.frames.chunks import rechunked
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning import Task
from kronkers_batch.monitoring.gates import OutputStats, Verdict, as_words, judge_output
from kronkers_batch.pipeline import forecasting
from kronkers_batch.pipeline.champion import open_champion, proof_of
from kronkers_batch.pipeline.ingest import find, owner
from kronkers_batch.pipeline.prepare import checked_rows
from kronkers_batch.pipeline.scored_rows import scored_rows
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from kronkers_batch.runtimes.model_worker import Worker
    from kronkers_batch.warehouse.versions import OutputVersion
    from kronkers_batch.warehouse.writer import OutputWriter

MOST_NAMED = 5
"""Changed keys that a message names."""


@dataclass(frozen=True)
class Scored:
    """What a scoring gave. ``published`` is False where a gate holds the output back.

    ``unscored`` counts rows with a null, NaN or infinite score. ``proof`` says what is worth telling of the
    champion: what changed since it was trained, or that it knows the rows.
    """

    output: OutputVersion
    verdict: Verdict
    proof: str = ""
    unscored: int = 0

    @property
    def published(self) -> bool:
        """Whether readers see it."""
        return self.verdict.passed

    def message(self) -> str:
        """One line for the table at the end of a run."""
        state = "published" if self.published else f"held: {self.verdict.why()}"
        without = f", {self.unscored:,} of them null, NaN or infinite" if self.unscored else ""
        by = self.output.lineage["model_version"]
        words = f"{self.output.ref} {state} ({self.output.rows:,} rows{without}) by {by}"
        return f"{words}; {self.proof}" if self.proof else words


def scoring_workers(model: ModelSpec) -> int:
    """How many workers score beside each other; one where a model must see all rows at once."""
    return 1 if model.rows is RowsPolicy.WHOLE else model.resources.workers


def score(
    services: Services,
    model: ModelSpec,
    date: dt.date,
    version: ModelVersion,
    fingerprint: str,
    identity: str,
    occasion: Occasion | None = None,
) -> Scored:
    """Score one logical date with one model version, and publish or hold the output.

    Args:
        services: The opened system.
        model: As it is declared today.
        date: The logical date.
        version: The champion.
        fingerprint: Of this scoring.
        identity: Of the source whose frozen rows are scored, whatever it holds by now.
        occasion: Writes its event, in the transaction that publishes.

    A rerun after a crash writes only the missing chunks. Raises AccessRefused, SourceError, CheckFailed,
    ModelError, and Stale where another writer took over.
    """
    services.run.permissions.require(model.name)
    source = source_of(services, model.source)
    under = owner(services, model)
    window = scoring_window(model, source, date)  # which was frozen as today's declaration says
    task = model.task
    model = as_trained(model, version)
    _refuse_other_rows(task, model, version)
    snapshot = find(services, model.source, window, under, identity)
    if snapshot is None:
        raise Stale(
            "the snapshot for this scoring is gone",
            where=f"source {source.name}",
            fix=f"run the command again: kronkers run {model.name} --date {date}",
        )
    writer = services.warehouse.begin(
        model.name, model.department, date, fingerprint, output_schema(model, source), model.key
    )
    _refuse_absent(model, version, writer.schema)
    checker = Checker(writer.schema, model.output_checks, where=f"model {model.name}, output")
    proof, stats = _write(services, model, version, snapshot, window, date, writer, checker)
    results, failed = _finished(checker, snapshot)
    verdict = Verdict((*judge_output(model.output_thresholds, stats.values()).missed, *failed))
    lineage = {
        **_lineage(version, snapshot, proof),
        "run": services.run_id,
        "thresholds": as_words(model.output_thresholds),
        "checks": [result.to_json() for result in (*snapshot.results, *results)],
        "failed_checks": list(failed),
    }
    occasion = occasion or Occasion(services, model.name, model.department, "score")
    kind = Kind.PUBLISHED if verdict.passed else Kind.HELD

    def event(connection: Connection, output: OutputVersion) -> None:
        tell(occasion, connection, kind, Scored(output, verdict, proof, stats.unscored))

    output = writer.finish(lineage, stats.values(), verdict.missed, event)
    return Scored(output, verdict, proof, stats.unscored)


def _refuse_other_rows(task: Task, model: ModelSpec, version: ModelVersion) -> None:
    """Raises ModelError where a champion needs series and today's task has none, or the reverse."""
    if task.of_series is not model.task.of_series:
        raise ModelError(
            f"{version.ref} was trained for the task {model.task}, and the task is {task} now",
            where=str(model.origins.get("task", model.origin)),
            fix=f"train a version of today's declaration: kronkers train {model.name}",
        )


def _refuse_absent(model: ModelSpec, version: ModelVersion, schema: Schema) -> None:
    """Output checks are today's; an older champion may give other columns. Raises ModelError."""
    for check in model.output_checks:
        absent = [name for name in check.columns if name not in schema]
        if absent:
            raise ModelError(
                f"{version.ref} gives no output column {', '.join(absent)}, which {check.name} needs",
                where=str(check.origin),
                fix=f"promote a version that has it (kronkers versions {model.name}), or change the check",
            )


def _lineage(version: ModelVersion, snapshot: SnapshotRef, proof: str) -> dict[str, str]:
    """Which version scored which rows, and what is worth saying of it."""
    found = {
        "model_version": version.ref,
        "model_version_id": version.id,
        "snapshot": snapshot.id,
        "snapshot_fingerprint": snapshot.fingerprint,
    }
    return found | ({"proof": proof} if proof else {})


def _write(
    services: Services,
    model: ModelSpec,
    version: ModelVersion,
    snapshot: SnapshotRef,
    window: Window,
    date: dt.date,
    writer: OutputWriter,
    checker: Checker,
) -> tuple[str, OutputStats]:
    """Scores the snapshot into the writer; gives what is worth saying of the champion, and statistics."""
    stats = OutputStats(tuple(c.name for c in model.output_columns))
    size = services.config.executor.piece_rows
    opened = partial(open_champion, services, model, version)
    many = scoring_workers(model) if snapshot.rows > size else 1
    with services.workers.use_several(version.id, opened, many) as workers:
        features, ahead = version.training.features, ""
        if model.goal.panel:
            rows, ahead = forecasting.scored(services, model, snapshot, date, workers, features)
        else:
            rows = _scored(services, model, snapshot, workers, features, model.key)
        proof = (
            proof_of(services, model, version, workers[0]),
            known_rows(version, predicted_window(model, window, date)),
            other_source(services, model, version),
            ahead,
        )
        done = 0
        for number, chunk in enumerate(rechunked(rows, size)):
            checked = checker.feed(chunk) if model.output_checks else chunk
            stats.feed(checked)
            writer.put(number, checked)
            done += chunk.height
            services.progress(f"score {model.name}", done)
    return "; ".join(filter(None, proof)), stats


def tell(occasion: Occasion, connection: Connection, kind: Kind, scored: Scored) -> None:
    """Writes the event of an output that was published, held or judged anew, in the transaction of that."""
    state = "done" if scored.published else "held"
    output = scored.output
    occasion.tell(connection, kind, state, scored.message(), output.ref, str(output.date))


def known_rows(version: ModelVersion, window: Window) -> str:
    """Says that a version was trained on rows of the window that it scores, as of a later date than this one.

    Empty where it was not. A source without a time column is always read whole, so nothing is said of it.
    """
    trained = Window.from_json(dict(version.training.window))
    if trained.end is None or window.start is None or window.end is None:
        return ""
    if window.start >= trained.end or (trained.start and window.end <= trained.start):
        return ""
    return (
        f"{version.ref} was trained and measured on rows of {trained}, this date's among them: its scores "
        "are no forecasts"
    )


def other_source(services: Services, model: ModelSpec, version: ModelVersion) -> str:
    """Says that a version scores rows of a source that is declared otherwise than when it was trained.

    It goes on as the champion until one of today's definition is promoted. Empty where nothing changed.
    """
    now, then = training_definition(model, services.config.sources), version.training.definition
    names = [n for n in sorted({*now, *then}) if n.startswith("source") and now.get(n) != then.get(n)]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"{version.ref} was trained on a source that is declared otherwise now "
        f"({', '.join(names[:MOST_NAMED])}{more}): its scores are right only where that means the same"
    )


def _finished(checker: Checker, snapshot: SnapshotRef) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """What the output's checks found, and those that failed: they hold the output, as a threshold does."""
    try:
        return checker.finish(snapshot.window.end), ()
    except CheckFailed as error:
        return (), (error.what,)


def _scored(
    services: Services,
    model: ModelSpec,
    snapshot: SnapshotRef,
    workers: Sequence[Worker],
    features: Schema,
    keys: tuple[str, ...],
) -> Iterator[pl.DataFrame]:
    """Keys and scores, chunk by chunk."""
    columns = list(dict.fromkeys([*keys, *features.names]))
    absent = [name for name in columns if name not in snapshot.schema]
    if absent:
        raise SourceError(
            f"the champion of {model.name} needs {', '.join(absent)}, which {snapshot.source} no longer has",
            where=str(model.origin),
            fix=f"put the column back, or train a version without it: kronkers train {model.name}",
        )
    rows, _ = checked_rows(services, model, snapshot, columns)
    yield from scored_rows(model, rows, workers, features, keys)
