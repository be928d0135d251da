"""What a training publishes is tried before it is recorded: by a fresh worker that opens the stored model.

The process that fitted knows more than it stores: variables of its code, attached packages, attributes that
a ``save_model`` forgets. So it is asked for the scores of the golden rows alone, to be compared; all that is
measured and kept comes from a worker that has the artifact and the code, and nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, RowsPolicy
from kronkers_batch.errors import ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.schema import Schema
from kronkers_batch.pipeline import golden
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.golden import OddRow, same_scores
from kronkers_batch.pipeline.independence import Trials, misplaced
from kronkers_batch.pipeline.measuring import NO_CHAMPION, ChampionScores, Naive, measured
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.runtime import MOST_NAMED, PACKAGE

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker

CHUNK_ROWS = 65_536
Part = tuple["pl.DataFrame", "pl.DataFrame"]


@dataclass(frozen=True)
class Verified:
    """What the fresh worker found.

    Attributes:
        metrics: On the holdout.
        naive: What a model that knows no feature would predict.
        scores: Of the holdout, the measured columns.
        golden: Golden rows, packed.
        remarks: What is worth telling, in words: rows without a score, odd rows that ``score`` refuses.
        seconds: Of scoring the holdout.
        described: What the fitted model says of itself; it may hold data.
        error: The mean absolute error of forecasts on the holdout; None for other tasks.
    """

    metrics: Mapping[str, float]
    naive: Naive
    scores: pl.DataFrame
    golden: pl.DataFrame
    remarks: tuple[str, ...]
    seconds: float = 0.0
    described: str = ""
    error: float | None = None


def verify(
    fitted: Worker,
    fresh: Worker,
    artifact: bytes,
    model: ModelSpec,
    data: TrainingData,
    features: Schema,
    champion: ChampionScores = NO_CHAMPION,
) -> Verified:
    """Open, measure and try what ``fitted`` has stored; it is asked for its last scores, and closed.

    Raises:
        ModelError: The artifact cannot be opened.
        ScoreFailed: The stored model scores otherwise than the one that was fitted; it gives a row another
            score beside other rows, or none alone; or its scores cannot be measured.
        WorkerFailed, DataError: As for scoring.
    """
    had, rows = fitted.info.packages, as_features(data.holdout, features)
    usual = golden.spread(rows)
    with ThreadPoolExecutor(1) as beside:
        last = beside.submit(last_scores, fitted, usual)
        try:
            fresh.load(artifact)
            started = time.monotonic()
            scores = holdout_scores(fresh, model, data, features)
            seconds = time.monotonic() - started
            again = fresh.score(usual)
            before, described, undescribed = last.result()
            refuse_another(model, before, again, fresh.score(usual))
            _refuse_deaf_to_exposure(fresh, model, usual, again)
            values, naive, remarks = measured(model, data, scores, champion)
            if model.rows is RowsPolicy.WHOLE and (remark := misplaced(fresh, model, usual, again)):
                remarks.append(remark)
            odd = golden.odd_rows(model, (rows, as_features(data.fit, features)))
            kept, refused = _tried(fresh, model, features, rows, scores, odd)
        except WorkerFailed:
            raise
        except ModelError as error:
            raise naming_packages(error, model, had, fresh.info.packages) from None
    if refused:
        remarks.append("score fails for a row with " + ", or with ".join(refused))
    return Verified(
        values,
        naive,
        scores.select(model.measured),
        golden.packed([(usual, again), *kept]),
        (*remarks, *undescribed),
        seconds,
        described,
    )


def last_scores(fitted: Worker, rows: pl.DataFrame | Horizon) -> tuple[pl.DataFrame, str, list[str]]:
    """The scores, what the model says of itself, and why it says nothing: that fails no training."""
    with fitted:  # its training data lies in it still: it goes as soon as it may
        scores = fitted.score(rows)
        try:
            return scores, fitted.describe(), []
        except ModelError as error:
            return scores, "", [f"{error.what.splitlines()[0]}, so this version has no description"]


def holdout_scores(worker: Worker, model: ModelSpec, data: TrainingData, features: Schema) -> pl.DataFrame:
    """The scores of the holdout, asked for as those of a night will be: in chunks, or all of a window."""
    import polars as pl

    chunks: Iterable[pl.DataFrame] = data.holdout.iter_slices(CHUNK_ROWS)
    if model.rows is RowsPolicy.WHOLE and data.windows:
        chunks = data.windows
    elif model.rows is RowsPolicy.WHOLE:
        chunks = [data.holdout]
    asked: deque[pl.Series] = deque()

    def sent() -> Iterator[pl.DataFrame]:
        for chunk in chunks:
            asked.append(_known(model, chunk))
            yield as_features(chunk, features)

    return pl.concat([found.filter(asked.popleft()) for found in worker.score_stream(sent())])


def _known(model: ModelSpec, chunk: pl.DataFrame) -> pl.Series:
    """Which rows are measured: those with a target, or all where there is none."""
    import polars as pl

    return chunk[model.target].is_not_null() if model.target else pl.repeat(True, chunk.height, eager=True)


def refuse_another(model: ModelSpec, fitted: pl.DataFrame, stored: pl.DataFrame, again: pl.DataFrame) -> None:
    """Raises ScoreFailed unless the fitted model, the stored one, and this one again give the same scores."""
    if not same_scores(stored, again):
        raise ScoreFailed(
            "the model gives the same rows other scores the second time",
            where=str(model.model.origin),
            fix="compute scores only from the model and the rows; draw random numbers only from the "
            "generator that `seed` sets",
        )
    if not same_scores(fitted, stored):
        other = "another worker that opened it" if model.imported else "the model that fit returned"
        raise ScoreFailed(
            f"the stored model, loaded in a new worker, gives other scores than {other}",
            where=str(model.model.origin),
            fix="return from fit everything that score needs; do not rely on variables, options or packages "
            "that only fit sets; save_model and load_model must keep all of it",
        )


def _refuse_deaf_to_exposure(
    worker: Worker, model: ModelSpec, rows: pl.DataFrame, scores: pl.DataFrame
) -> None:
    """A count over twice the exposure cannot be the same for every row: then the exposure was lost."""
    import polars as pl

    exposure = model.goal.exposure
    if not exposure:
        return
    doubled = worker.score(rows.with_columns(pl.col(exposure) * 2), apart=True)
    if same_scores(scores, doubled):
        raise ScoreFailed(
            f"the scores do not change with the exposure {exposure}",
            where=str(model.origins.get("exposure", model.origin)),
            fix="return from score the expected count of the row: its rate, multiplied by its exposure",
        )


def _tried(
    worker: Worker,
    model: ModelSpec,
    features: Schema,
    rows: pl.DataFrame,
    scores: pl.DataFrame,
    odd: list[OddRow],
) -> tuple[list[Part], list[str]]:
    """Golden rows besides the usual ones, and the odd ones that the model refuses, in words."""
    import polars as pl

    trials = Trials(worker, model, features)
    whole = model.rows is RowsPolicy.WHOLE
    kept = [] if whole else trials.all(rows, scores)
    if not odd:
        return kept, []
    usual = [golden.spread(rows)] if whole else []
    frame = pl.concat([*usual, *(one.row for one in odd)])
    found = _or_refused(worker, frame)
    refused: list[OddRow] = []
    if found is None:
        refused = [one for one in odd if _or_refused(worker, pl.concat([*usual, one.row])) is None]
        _refuse_declared(refused)
        taken = [one.row for one in odd if all(one is not other for other in refused)]
        frame = pl.concat([*usual, *taken]) if taken else frame.clear()
        found = worker.score(frame, apart=True) if taken else None
    if found is not None:
        kept.append((frame, found))
        if not whole:
            trials.alone(frame, found, apart=True)
    return kept, [one.what for one in refused]


def _refuse_declared(refused: list[OddRow]) -> None:
    """Raises ScoreFailed where ``score`` fails for a row that a feature's declaration promises."""
    for one in refused:
        if one.declared is not None:
            raise ScoreFailed(
                f"score fails for a row with {one.what}, which the feature's declaration allows",
                where=str(one.declared.origin),
                fix="let score take such a row, or change the feature's nulls or levels: then a night with "
                "such a row fails",
            )


def _or_refused(worker: Worker, rows: pl.DataFrame) -> pl.DataFrame | None:
    """Scores, or None where the model's code raises."""
    try:
        return worker.score(rows, apart=True)
    except WorkerFailed:
        raise
    except ScoreFailed:
        return None


def naming_packages(
    error: ModelError, model: ModelSpec, had: Mapping[str, str], has: Mapping[str, str]
) -> ModelError:
    """The error, with the packages that were loaded in the process that fitted, and are not in this one."""
    gone = sorted(set(had) - set(has))
    if not gone:
        return error
    named = [name for name in gone if PACKAGE.fullmatch(name)][:MOST_NAMED]
    rest = [f"{len(gone) - len(named)} more"] if len(gone) > len(named) else []
    names = ", ".join([*named, *rest])
    return type(error)(
        f"{error.what}\n    a new worker loads the stored model; the process that ran fit had also "
        f"loaded: {names}",
        where=error.where,
        fix=f"{model.language.attach}, not in fit",
        found=error.found,
    )
