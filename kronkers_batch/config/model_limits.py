"""What a model says in numbers: its window and its thresholds, against what each of them can be."""

from __future__ import annotations

import math

from kronkers_batch.config.forecast_fields import held_out
from kronkers_batch.config.measure_goal import metric_names
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import Promote, Threshold
from kronkers_batch.learning import ANY, LOSS, NUMBERS, SHARE

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
    if raw.refits and raw.values["target"] is None:
        problems.add(
            raw.at("window", "refit").origin("window.refit"),
            "refit fits the rows that were held out to measure the model, and without a target none are",
            "remove it, and make window.holdout as short as you like",
        )
    if not holdout:
        _check_unmeasured(raw, problems)
    if not 0 < window["holdout_share"] < 1:
        where = raw.at("window", "holdout_share").origin("window.holdout_share")
        problems.add(
            where,
            "the holdout share leaves no rows for training or for the holdout",
            "allowed: more than 0%, less than 100%",
        )


def _check_unmeasured(raw: RawModel, problems: Problems) -> None:
    """Of a model that is not measured: what would need a number."""
    window, name = raw.values["window"], "window.holdout"
    if raw.values["promote"] is Promote.AUTOMATIC:
        what = "with holdout: none nothing measures a version, so none is promoted by itself"
        problems.add(raw.at("promote").origin("promote"), what, "write promote: manual, or a holdout")
    if raw.refits:
        what = "refit fits the rows that were held out, and holdout: none holds out none"
        problems.add(raw.at("window", "refit").origin("window.refit"), what, "remove refit")
    if window["holdout_by"]:
        what = "holdout_by holds out groups, and holdout: none holds out nothing"
        problems.add(raw.at("window", "holdout").origin(name), what, "remove one of the two")
    for metric in raw.values["thresholds"]["training"]:
        where = raw.at("thresholds", "training", metric).origin(f"thresholds.training.{metric}")
        what = f"{metric} is not measured: holdout: none holds out no rows"
        problems.add(where, what, f"remove it (a template's: {metric}: none), or write a holdout")


def _thresholds_known(raw: RawModel, problems: Problems) -> None:
    task = raw.judge
    outputs = [name for name, kind in raw.values["output"]["columns"].items() if kind in NUMBERS]
    statistics = (*outputs, *(f"{column}.{name}" for column in outputs for name in _STATISTICS))
    known = {"output": {"rows": LOSS, "null_share": SHARE, **dict.fromkeys(statistics, ANY)}}
    if task is not None:
        refit = {"refit": LOSS} if raw.refits else {}
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
                kind = "metric" if group == "training" else "statistic or output column of numbers"
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
    if group == "training" and raw.refits and "refit" not in declared:
        found.append(Threshold("refit", None, 1.0, raw.at("window", "refit").origin("window.refit")))
    return tuple(found)
