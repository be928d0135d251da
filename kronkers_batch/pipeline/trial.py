"""Try a model on a sample of its training rows: the same work as a training, of which nothing is recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, RowsPolicy
from kronkers_batch.data import rowwise
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import training_window
from kronkers_batch.errors import UsageError
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.pipeline import golden
from kronkers_batch.pipeline.fitting import Fitted, fit_measured, open_trainer, trainer_key
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.measuring import Naive
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.read_rows import read_rows
from kronkers_batch.pipeline.targets import check_values
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl

ROWS = 2_000
_HELD_OUT = 4
"""For so many fitted rows one is held out."""
_FEW = 50
"""Up to so many values of a target, the sample has a row of each."""


@dataclass(frozen=True)
class Tried:
    """What came of a trial.

    Attributes:
        rows: Fitted and held-out rows, and of how many in the window.
        metrics: On the held-out rows.
        naive: What a model that knows no feature would predict.
        columns: What ``fit`` saw: name, type in the language, nulls.
        predictions: Some held-out rows: their target, their scores, their features.
        fit_seconds: For fitting.
        score_seconds: For scoring the held-out rows.
        remarks: What is worth telling besides.
        printed: What the model printed, as it stands.
        described: What the fitted model says of itself.
        fits: Whether the model is fitted here; rules are not, nor is what was fitted elsewhere.
    """

    rows: Mapping[str, int]
    metrics: Mapping[str, float]
    naive: Naive
    columns: tuple[tuple[str, str, int], ...]
    predictions: pl.DataFrame
    fit_seconds: float
    score_seconds: float
    remarks: tuple[str, ...]
    printed: str
    described: str
    fits: bool


def trial(services: Services, model: ModelSpec, date: dt.date, rows: int = ROWS) -> Tried:
    """Fit, store, open, measure, as a training does; on about so many rows.

    Raises as a training, and UsageError for a model of time series: a part of their rows is no history.
    """
    if model.goal.panel:
        raise UsageError(
            "kronkers try takes a sample of rows, and a forecast needs whole time series",
            where=str(model.origins.get("task", model.origin)),
            fix=f"Train it: kronkers train {model.name}; the thresholds decide whether it is promoted.",
        )
    services.run.permissions.require(model.name)
    services.workers.prepare(trainer_key(model), partial(open_trainer, services, model))
    rowwise.import_ahead()
    source = source_of(services, model.source)
    snapshot = ingest(services, model, training_window(model, source, date))
    whole = read_rows(services, model, source, snapshot)
    data = sample(model, whole, rows)
    check_values(model, data)
    fitted = fit_measured(services, model, data, look=True)
    return _tried(model, whole, data, fitted, services.run.printed.text(model.name))


def sample(model: ModelSpec, data: TrainingData, rows: int) -> TrainingData:
    """Rows spread evenly, with a row of each level of a category and of each class.

    All of them for a model that scores whole windows: a part of a window is none.
    """
    if model.rows is RowsPolicy.WHOLE:
        return data
    categories = [f.name for f in model.features if f.type is ColumnType.CATEGORY]
    few = model.target and data.fit[model.target].n_unique() <= _FEW
    fitted = _thinned(data.fit, rows, [*categories, *([model.target] if few else [])])
    return replace(data, fit=fitted, holdout=_thinned(data.holdout, max(1, rows // _HELD_OUT), ()))


def _thinned(frame: pl.DataFrame, rows: int, columns: Iterable[str]) -> pl.DataFrame:
    """About so many rows, in their order, with at least one of each value of some columns."""
    import polars as pl

    if frame.height <= rows:
        return frame
    number, share = pl.int_range(frame.height, dtype=pl.Int64, eager=True), rows / frame.height
    keep = (number * share).floor() != ((number + 1) * share).floor()
    for name in columns:
        keep = keep | frame[name].is_first_distinct()
    return frame.filter(keep)


def _tried(model: ModelSpec, whole: TrainingData, data: TrainingData, fitted: Fitted, printed: str) -> Tried:
    import polars as pl

    features, scores = golden.unpacked(fitted.verified.golden)[0]
    if not isinstance(features, pl.DataFrame):
        raise TypeError("a trial has rows, and no histories")
    truth = (
        [golden.spread(data.holdout)[model.target].alias(f"{model.target} (true)")] if model.target else []
    )
    named = scores.rename({name: f"score: {name}" for name in scores.columns if name in features.columns})
    return Tried(
        rows={
            "fit": data.fit.height,
            "holdout": data.holdout.height,
            "of": whole.fit.height + whole.holdout.height,
        },
        metrics=fitted.verified.metrics,
        naive=fitted.verified.naive,
        columns=tuple((name, kind, data.fit[name].null_count()) for name, kind in fitted.looks.items()),
        predictions=pl.concat([*map(pl.Series.to_frame, truth), named, features], how="horizontal"),
        fit_seconds=fitted.seconds,
        score_seconds=fitted.verified.seconds,
        remarks=fitted.verified.remarks,
        printed=printed,
        described=fitted.verified.described,
        fits=model.task.learns and model.imported is None,
    )
