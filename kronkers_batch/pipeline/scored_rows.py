"""Rows through the workers of a version: a night's, and those of a file, take this one way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec, RowsPolicy
from kronkers_batch.frames.schema import Schema
from kronkers_batch.pipeline.fan import score_stream
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.targets import check_exposure

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker


def scored_rows(
    model: ModelSpec,
    rows: Iterator[pl.DataFrame],
    workers: Sequence[Worker],
    features: Schema,
    keys: Sequence[str],
) -> Iterator[pl.DataFrame]:
    """Keys and scores, chunk by chunk. The keys wait here: they are never sent to a worker.

    Raises DataError where a feature or the exposure has a value that it cannot have, and ModelError.
    """
    import polars as pl

    waiting: deque[pl.DataFrame] = deque()

    def sent() -> Iterator[pl.DataFrame]:
        for frame in _whole(rows) if model.rows is RowsPolicy.WHOLE else rows:
            if frame.height:
                check_exposure(model, frame)
                waiting.append(frame.select(keys))
                yield as_features(frame, features)

    for scores in score_stream(workers, sent()):
        yield pl.concat([waiting.popleft(), scores], how="horizontal")


def _whole(rows: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    import polars as pl

    frames = list(rows)
    if frames:
        yield pl.concat(frames)
