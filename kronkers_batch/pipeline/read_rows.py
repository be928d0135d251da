"""The rows of a training, as everybody reads them who fits a model or looks at what ``fit`` gets."""

from __future__ import annotations

from collections.abc import Sequence

from kronkers_batch.config.spec import ModelSpec, SourceSpec
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.pipeline import forecasting
from kronkers_batch.pipeline.prepare import TrainingData, training_data
from kronkers_batch.pipeline.targets import check_values
from kronkers_batch.session.services import Services


def read_rows(
    services: Services,
    model: ModelSpec,
    source: SourceSpec,
    snapshot: SnapshotRef,
    more: Sequence[str] = (),
) -> TrainingData:
    """A training snapshot, read, split and checked; ``more`` are columns for others, where it has them.

    Raises SourceError, CheckFailed, DataError.
    """
    if model.goal.panel:
        data: TrainingData = forecasting.training_data(services, model, source, snapshot)
    else:
        data = training_data(services, model, source, snapshot, more)
    check_values(model, data)
    return data
