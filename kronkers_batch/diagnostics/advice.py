"""What is no error in a configuration, and yet worth a warning of ``kronkers check``."""

from __future__ import annotations

from collections.abc import Iterator

from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import Threshold
from kronkers_batch.declared.workers import environment_at
from kronkers_batch.runtimes.languages.base import builder

_BAD_BELOW = ("accuracy", "auc", "bias", "r2", "skill")
_BAD_ABOVE = ("bias", "brier", "log_loss", "mae", "rmse", "unscored")


def warnings(config: Config) -> Iterator[str]:
    """One line each, with file, line, key and what to do."""
    yield from _unlocked(config)
    for model in config.models.values():
        for threshold in model.training_thresholds if model.enabled else ():
            if side := _open_side(threshold):
                name = threshold.name
                yield (
                    f"{threshold.origin}: {name} has no {side}, so a version is promoted however bad its "
                    f"{name} is\n  -> write the {side} that a version needs"
                )


def _open_side(threshold: Threshold) -> str:
    """The bound that is not there, on the side on which a metric is bad; empty where there is one."""
    if threshold.min is None and threshold.name in _BAD_BELOW:
        return "min"
    return "max" if threshold.max is None and threshold.name in _BAD_ABOVE else ""


def _unlocked(config: Config) -> Iterator[str]:
    known = set()
    for model in config.models.values():
        environment = (model.language, model.environment)
        if environment in known or not model.enabled:
            continue
        known.add(environment)
        if how := builder(model.language).unlocked(model.environment):
            yield (
                f"{environment_at(model)}: this environment has no lock file, so a package that is installed "
                f"anew trains nothing; golden rows alone tell that it changed\n  -> {how}"
            )
