"""What the champion gives the rows that a new version is measured on, for metrics that compare the two."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared.declaration import as_trained
from kronkers_batch.errors import DataError, ModelError
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.pipeline import forecasting
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.pipeline.forecasting import SeriesData
from kronkers_batch.pipeline.measuring import NO_CHAMPION, ChampionScores
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.verify import holdout_scores
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl


def compared_with(services: Services, model: ModelSpec) -> ModelVersion | None:
    """The champion, where a metric of the task compares with it; None where there is none."""
    compares = model.windows.measures and model.judge.comparing(model.goal)
    return services.registry.champion(model.name) if compares else None


def champion_scores(
    services: Services, model: ModelSpec, champion: ModelVersion | None, data: TrainingData
) -> ChampionScores:
    """What the champion gives the rows of the holdout, or why it gives nothing.

    The champion scores as it does on a night: its own code, in a worker of its own that has proven its golden
    rows. What it cannot do leaves a metric undefined, which misses a threshold, and stops no training.

    Raises:
        AccessRefused: Today's definition must be signed and is not.
    """
    if champion is None:
        return NO_CHAMPION
    try:
        then = as_trained(model, champion)
        if then.judge is not model.judge:
            return ChampionScores(champion.ref, why=f"is of the task {then.task}")
        column = _measured(model, then)
        if not column:
            return ChampionScores(champion.ref, why="has no output column that stands for the measured one")
        absent = [name for name in champion.training.features.names if name not in data.holdout.columns]
        if absent:
            return ChampionScores(
                champion.ref, why=f"needs {', '.join(absent)}, which the source no longer has"
            )
        scores = scores_by(services, champion, then, data)
    except (ModelError, DataError) as error:
        return ChampionScores(champion.ref, why=f"cannot score these rows: {error.what}")
    import polars as pl

    floats = scores[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return ChampionScores(champion.ref, model.judge.sense(model.goal) * then.judge.sense(then.goal) * floats)


def scores_by(
    services: Services, champion: ModelVersion, then: ModelSpec, data: TrainingData
) -> pl.DataFrame:
    """What a champion gives the rows of the holdout, which have all of its features.

    ``then`` is its declaration. Raises AccessRefused, ModelError and DataError as a night does.
    """
    with services.workers.use(champion.id, partial(open_champion, services, then, champion)) as worker:
        if isinstance(data, SeriesData):
            return forecasting.holdout_scores(worker, then, data, champion.training.features)
        return holdout_scores(worker, then, data, champion.training.features)


def _measured(model: ModelSpec, then: ModelSpec) -> str:
    """The champion's output column that is compared: of the same name, else the only one of a type for it."""
    can = [c.name for c in then.output_columns if ColumnType(c.type) in then.judge.measured_types]
    if model.evaluate in can:
        return model.evaluate
    return can[0] if len(can) == 1 else ""
