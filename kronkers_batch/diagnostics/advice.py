"""What is no error in a configuration, and yet worth a warning of ``kronkers check``."""

from __future__ import annotations

from collections.abc import Iterator

from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import ModelSpec, Threshold
from kronkers_batch.declared.workers import environment_at
from kronkers_batch.runtimes.languages import builder


def warnings(config: Config) -> Iterator[str]:
    """One line each, with file, line, key and what to do."""
    yield from unlocked(config)
    for model in config.models.values():
        yield from _imported(model) if model.enabled else ()
        for threshold in model.training_thresholds if model.enabled else ():
            if side := _open_side(model, threshold):
                name = threshold.name
                yield (
                    f"{threshold.origin}: {name} has no {side}, so a version with any "
                    f"{name} is promoted\n  -> write the {side} that a version needs"
                )


def _imported(model: ModelSpec) -> Iterator[str]:
    """Of a model that was fitted elsewhere: what nothing proves, and what it says in vain."""
    if model.imported is None:
        return
    if model.imported.golden is None:
        yield (
            f"{model.origins['artifact']}: nothing proves that this model scores here as it did where it was "
            "fitted\n  -> write golden: FILE, with some dozen rows and the scores that it gave them there"
        )
    at = model.origins.get("retrain.every")
    if at is not None and at.file == model.origin.file:  # a template says it for all of its models
        yield f"{at}: an imported model is not trained again by age\n  -> delete this key"


def _open_side(model: ModelSpec, threshold: Threshold) -> str:
    """The bound that is not there, on the side on which a metric is bad; empty where there is one."""
    said, name = {"min": threshold.min, "max": threshold.max}, threshold.name
    own = {metric: sides for measure in model.measures for metric, sides in measure.needs.items()}
    needed = own[name] if name in own else model.judge.needs(name, model.goal)
    return next((side for side in needed if said[side] is None), "")


def unlocked(config: Config) -> Iterator[str]:
    """Declared environments without a lock file: one line each."""
    known = set()
    for model in config.models.values():
        environment = (model.language, model.environment)
        if environment in known or not model.enabled:
            continue
        known.add(environment)
        if how := builder(model.language).unlocked(model.environment):
            yield (
                f"{environment_at(model)}: this environment has no lock file, so an upgraded package "
                f"does not trigger training; only golden rows show that scores changed\n  -> {how}"
            )
