"""Training and scoring of a model of time series, where they differ from those of single rows."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, RowsPolicy, SourceSpec
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.errors import DataError, ModelError, ScoreFailed, SourceError, WorkerFailed
from kronkers_batch.frames.panel import ORIGIN, Horizon
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning.forecast import Steps
from kronkers_batch.pipeline import golden
from kronkers_batch.pipeline.fan import score_stream
from kronkers_batch.pipeline.judged_steps import TRUTH, error_of, left_out
from kronkers_batch.pipeline.measuring import Naive, measured
from kronkers_batch.pipeline.origins import Origin, origin_of
from kronkers_batch.pipeline.prepare import TrainingData, checked_rows, refuse_many
from kronkers_batch.pipeline.steps import (
    END,
    LAST,
    NUMBER,
    STEP,
    THERE,
    grid_of,
    panel_of,
    refuse_late,
    where,
)
from kronkers_batch.pipeline.verify import Verified, last_scores, naming_packages, refuse_another
from kronkers_batch.session.services import Services, midnight

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker

MOST_SERIES, MOST_ROWS = 5, 20_000
"""Golden rows are the histories and futures of so many series, of fewer where their histories are longer."""


@dataclass(frozen=True)
class SeriesData(TrainingData):
    """Rows of series in memory: ``fit`` has every step before the first origin of the holdout.

    Attributes:
        origins: From where the model is measured, the earliest first.
        known: NUMBER, STEP and target of every step from the first origin on.
    """

    origins: tuple[Origin, ...] = ()
    known: pl.DataFrame = field(repr=False, kw_only=True)


def training_data(
    services: Services, model: ModelSpec, source: SourceSpec, snapshot: SnapshotRef
) -> SeriesData:
    """Read, check and split the rows of a training window; ``source`` is what they come from.

    Raises DataError where there are more rows than ``resources.training_rows``, none to fit, or rows that
    cannot be steps of series.
    """
    import polars as pl

    refuse_many(model, snapshot)
    panel = panel_of(model)
    if snapshot.window.end is None:
        raise ValueError(f"{source.name} is read without a window")
    rows, results = checked_rows(services, model, snapshot, panel.columns)
    frames = list(rows)
    if not frames:
        raise _nothing(model, snapshot)
    grid = grid_of(model, pl.concat(frames), snapshot.window.end)
    refuse_late(grid)
    steps, every = panel.steps, panel.every // panel.step
    first = -steps - (panel.origins - 1) * every
    spans = grid.spans(0)
    gone = pl.col(LAST) < -grid.in_steps(panel.silent)
    ends = spans.with_columns(pl.when(gone).then(pl.col(LAST) + 1).otherwise(0).alias(END))
    known = grid.complete(ends)
    fit = known.filter(pl.col(STEP) < first).select(panel.columns)
    if not fit.height:
        raise _nothing(model, snapshot)
    back = back_of(model)
    filled = replace(grid, rows=known.drop(THERE))
    asked = (origin_of(grid, first + n * every, back, ends) for n in range(panel.origins))
    origins = tuple(replace(origin, filled=filled) for origin in asked)
    held_out = known.filter(pl.col(STEP) >= first)
    unlabelled = known[panel.target].null_count()
    later = held_out.select(NUMBER, STEP, panel.target)
    held = held_out.select(panel.columns)
    return SeriesData(fit, held, unlabelled, results, origins=origins, known=later)


def back_of(model: ModelSpec) -> int | None:
    """How many steps a history may have; None for all that there are."""
    panel = panel_of(model)
    length = panel.history or model.windows.train
    return length // panel.step if length else None


def _nothing(model: ModelSpec, snapshot: SnapshotRef) -> DataError:
    return DataError(
        "there is no history: the window has no rows before the first origin of the holdout",
        where=f"{model.origin}, window {snapshot.window}",
        fix="choose a later --date, or change window.train, window.holdout or the horizon",
    )


# ---------------------------------------------------------------- measuring


def verify(
    fitted: Worker, fresh: Worker, artifact: bytes, model: ModelSpec, data: SeriesData, features: Schema
) -> Verified:
    """As :func:`~kronkers_batch.pipeline.verify.verify`, from each origin of the holdout.

    Raises:
        ModelError: The artifact cannot be opened.
        ScoreFailed: The stored model scores otherwise than the one that was fitted, or forecasts a series
            otherwise alone; or its scores cannot be measured.
        WorkerFailed, DataError: As for scoring.
    """
    import polars as pl

    had = fitted.info.packages
    few = data.origins[-1].few(MOST_SERIES, MOST_ROWS)
    usual = few.question(features)
    with ThreadPoolExecutor(1) as beside:
        last = beside.submit(last_scores, fitted, usual)
        try:
            fresh.load(artifact)
            again = fresh.score(usual)
            before, described, undescribed = last.result()
            refuse_another(model, before, again, fresh.score(usual))
            started = time.monotonic()
            judged = [_judged(fresh, model, data, origin, features) for origin in data.origins]
            seconds = time.monotonic() - started
            if model.rows is not RowsPolicy.WHOLE:
                newest = judged[-1].filter(few.of_its_series())
                _refuse_company(fresh, model, few, again, newest.select(again.columns), features)
            values, naive, remarks = _measured(model, data, judged)
        except WorkerFailed:
            raise
        except ModelError as error:
            raise naming_packages(error, model, had, fresh.info.packages) from None
    scores = pl.concat(judged).select(model.measured)
    kept = golden.packed([(usual, again)])
    off = error_of(model, judged)
    return Verified(values, naive, scores, kept, (*remarks, *undescribed), seconds, described, off)


def holdout_scores(worker: Worker, model: ModelSpec, data: SeriesData, features: Schema) -> pl.DataFrame:
    """The scores of all steps ahead of all origins of the holdout, in their order."""
    import polars as pl

    return pl.concat([_judged(worker, model, data, origin, features) for origin in data.origins]).select(
        model.measured
    )


def _judged(
    worker: Worker, model: ModelSpec, data: SeriesData, origin: Origin, features: Schema
) -> pl.DataFrame:
    """The steps ahead of an origin: their scores, what happened, and the naive forecast."""
    import polars as pl

    panel, history = origin.grid.panel, origin.history()
    asked = origin.asked(history, features, whole=model.rows is RowsPolicy.WHOLE)
    scores = pl.concat(worker.score_stream(asked))
    naive = origin.naive(history, model.goal.quantiles).rename(lambda name: f"naive:{name}")
    steps = origin.future.select(NUMBER, STEP).join(
        data.known, on=[NUMBER, STEP], how="left", maintain_order="left"
    )
    ahead = steps.select(NUMBER, (pl.col(STEP) - origin.step + 1).alias(STEP), panel.target)
    return pl.concat([ahead.rename({panel.target: TRUTH}), scores, naive], how="horizontal")


def _measured(
    model: ModelSpec, data: SeriesData, judged: Sequence[pl.DataFrame]
) -> tuple[dict[str, float], Naive, list[str]]:
    """Metrics over all origins, the mean of the naive forecasts, and what is worth telling."""
    import numpy as np
    import polars as pl

    goal, target = model.goal, panel_of(model).target
    rows = pl.concat(judged).filter(pl.col(TRUTH).is_not_null())
    if not rows.height:
        raise DataError(
            f"no step of the holdout has a known {target}",
            where=where(model, "window.holdout", "gaps"),
            fix="choose another --date, or correct the source",
        )
    columns = [f"naive:q{n}" for n in range(len(goal.quantiles))] or ["naive:point"]
    steps = Steps(
        truth=model.task.truth(rows[TRUTH], goal),
        score=np.empty((rows.height, len(model.measured))),
        units=np.ones(rows.height),
        goal=goal,
        naive=rows.select(columns).to_numpy(),
        scale=rows["naive:scale"].fill_null(0).to_numpy(),
        square=rows["naive:square"].fill_null(0).to_numpy(),
        step=rows[STEP].to_numpy(),
    )
    held_out = replace(data, holdout=rows.select(pl.col(TRUTH).alias(target)))
    values, _, said = measured(model, held_out, rows, steps=steps)
    means = [float(number) for number in steps.naive.mean(axis=0)]
    naive = means[0] if len(means) == 1 else dict(zip(model.measured, means, strict=True))
    return values, naive, [*said, *left_out(data.origins, judged)]


def _refuse_company(
    worker: Worker,
    model: ModelSpec,
    few: Origin,
    among: pl.DataFrame,
    all_series: pl.DataFrame,
    features: Schema,
) -> None:
    """Refuses a model whose forecast of a series depends on which other series stand beside it."""
    import polars as pl

    ones = [worker.score(one.question(features)) for one in few.each()]
    for found, when in ((all_series, "beside other series"), (pl.concat(ones), "alone")):
        if not golden.same_scores(among, found):
            raise ScoreFailed(
                f"the model gives a series another forecast when the series is forecast {when}",
                where=where(model, "rows"),
                fix="forecast each series from its own history (compute what series share in fit), return "
                "the scores in the order of the rows of future, or declare rows: whole",
            )


# ---------------------------------------------------------------- a night


def scored(
    services: Services,
    model: ModelSpec,
    snapshot: SnapshotRef,
    date: dt.date,
    workers: Sequence[Worker],
    features: Schema,
) -> tuple[Iterator[pl.DataFrame], str]:
    """Keys and scores of the steps ahead of a date, and what is worth telling of them.

    Raises SourceError, CheckFailed, DataError before the first row; later ModelError.
    """
    import polars as pl

    panel = panel_of(model)
    absent = [name for name in panel.columns if name not in snapshot.schema]
    if absent:
        raise SourceError(
            f"the champion of {model.name} needs {', '.join(absent)}, which {snapshot.source} no longer has",
            where=str(model.origin),
            fix=f"put the column back, or train a version without it: kronkers train {model.name}",
        )
    rows, _ = checked_rows(services, model, snapshot, panel.columns)
    frames = list(rows)
    if not frames:
        raise _nothing(model, snapshot)
    grid = grid_of(model, pl.concat(frames), midnight(date))
    refuse_late(grid)
    origin = origin_of(grid, 0, back_of(model))
    return _with_keys(model, origin, workers, features), "; ".join(origin.remarks())


def _with_keys(
    model: ModelSpec, origin: Origin, workers: Sequence[Worker], features: Schema
) -> Iterator[pl.DataFrame]:
    """The keys wait here: what of them is no column of the model is never sent to the worker."""
    import polars as pl

    panel = origin.grid.panel
    keys = origin.future.with_columns(origin.grid.times(pl.lit(origin.step)).alias(ORIGIN)).select(panel.key)
    waiting: deque[int] = deque()

    def sent() -> Iterator[Horizon]:
        for chunk in origin.asked(origin.history(), features, whole=model.rows is RowsPolicy.WHOLE):
            waiting.append(chunk.height)
            yield chunk

    done = 0
    for scores in score_stream(workers, sent()):
        size = waiting.popleft()
        _refuse_below(model, scores)
        yield pl.concat([keys.slice(done, size), scores], how="horizontal")
        done += size


def _refuse_below(model: ModelSpec, scores: pl.DataFrame) -> None:
    wrong = model.task.wrong_scores(scores.select(model.measured), model.goal)
    if wrong:
        raise ScoreFailed(
            f"score gave {model.task.wrong_score.what} for {wrong:,} of {scores.height:,} steps",
            where=where(model, "target.min", "target"),
            fix=model.task.wrong_score.fix,
        )
