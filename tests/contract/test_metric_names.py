"""A threshold may name exactly the metrics that a training computes."""

import pytest

from kronkers_batch.config.model_file import METRICS
from kronkers_batch.config.spec import Task
from kronkers_batch.monitoring import metrics


@pytest.mark.parametrize("task", list(Task))
def test_config_allows_what_monitoring_computes(task: Task) -> None:
    assert METRICS[task] == tuple(sorted(metrics.names(task)))
