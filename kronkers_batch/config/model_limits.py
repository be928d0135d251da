"""What a model says in numbers: its window and its thresholds, against what each of them can be."""

from __future__ import annotations

import math

from kronkers_batch.config.forecast_fields import held_out
from kronkers_batch.config.measure_goal import metric_names
from kronkers_batch.config.model_file import RawModel
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import Threshold
from kronkers_batch.learning import ANY, LOSS, SHARE

_STATISTICS = ("min", "max", "mean")


def check(raw: RawModel, problems: Problems) -> None:
    """Reports windows and thresholds that cannot be."""
    _check_window(raw, problems)
    _thresholds_known(raw, problems)


def _check_window(raw: RawModel, problems: Problems) -> None:
    window = raw.values["window"]
    holdout = held_out(window["holdout"], raw.goal.panel)
    if not window["holdout_by"] and window["train"] and holdout >= window["train"]:
        where = raw.at("window", "holdout").origin("window.holdout")
        problems.add(
            where,
            "the holdout is not shorter than the training window",
            "make window.train longer or window.holdout shorter",
        )
    if window["refit"] and raw.values["target"] is None:
        problems.add(
            raw.at("window", "refit").origin("window.refit"),
            "refit fits the rows that were held out to measure the model, and without a target none are",
            "remove it, and make window.holdout as short as you like",
        )
    if not 0 < window["holdout_share"] < 1:
        where = raw.at("window", "holdout_share").origin("window.holdout_share")
        problems.add(
            where,
            "the holdout share leaves no rows for training or for the holdout",
            "allowed: more than 0%, less than 100%",
        )


def _thresholds_known(raw: RawModel, problems: Problems) -> None:
    task = raw.judge
    outputs = raw.values["output"]["columns"]
    statistics = (*outputs, *(f"{column}.{name}" for column in outputs for name in _STATISTICS))
    known = {"output": {"rows": LOSS, "null_share": SHARE, **dict.fromkeys(statistics, ANY)}}
    if task is not None:
        refit = {"refit": LOSS} if raw.values["window"]["refit"] else {}
        own = dict.fromkeys(metric_names(raw), ANY)
        known["training"] = dict(sorted((own | task.ranges(raw.goal) | refit).items()))
    for group, names in known.items():
        for name, (low, high, _) in raw.values["thresholds"][group].items():
            where = raw.at("thresholds", group, name).origin(f"thresholds.{group}.{name}")
            least, most = names.get(name, ANY)
            for bound in (low, high):
                if bound is not None and not least <= bound <= most:
                    problems.add(where, f"{name} is never {bound:g}", f"allowed: {_between(least, most)}")
            if name not in names:
                kind = "metric" if group == "training" else "statistic or output column"
                problems.add(where, f"there is no {kind} '{name}'", suggest(name, names))


def _between(least: float, most: float) -> str:
    low, high = ("" if math.isinf(bound) else f"{bound:g}" for bound in (least, most))
    return (
        f"{low} to {high}, both included"
        if low and high
        else f"{low} and more"
        if low
        else f"{high} and less"
    )


def thresholds(raw: RawModel, group: str) -> tuple[Threshold, ...]:
    """The thresholds of one group; that of a final fit is there also where none is declared."""
    declared = raw.values["thresholds"][group]
    found = [
        Threshold(name, low, high, node.origin(f"thresholds.{group}.{name}"))
        for name, (low, high, node) in declared.items()
    ]
    if group == "training" and raw.values["window"]["refit"] and "refit" not in declared:
        found.append(Threshold("refit", None, 1.0, raw.at("window", "refit").origin("window.refit")))
    return tuple(found)
