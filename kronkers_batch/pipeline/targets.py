"""The values of the target and of columns with a role, looked at before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import DataError
from kronkers_batch.frames.schema import Column
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.whole_groups import refuse_without_order

if TYPE_CHECKING:
    import polars as pl

_MOST_NAMED = 5
"""Classes that a message names."""


def check_values(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError where the target or a column with a role has values that it cannot have.

    Also where ``decision.top`` chooses all rows of every scoring window: then nothing is chosen.
    """
    if model.target:
        check_target(model, data)
    if model.goal.event:
        check_event(model, data)
    check_roles(model, data)
    for part, name in ((data.fit, "fit"), (data.holdout, "holdout")):
        refuse_without_order(model, part, name)
    _refuse_all_chosen(model, data)


def target_column(model: ModelSpec) -> Column | None:
    """The target as ``fit`` gets it; None where there is none, or nothing is fitted."""
    if model.target_type is None or not model.task.learns:
        return None
    return model.judge.sent(Column(model.target, model.target_type), model.goal)


def _refuse_all_chosen(model: ModelSpec, data: TrainingData) -> None:
    top = model.goal.top
    sizes = [data.holdout.height] if data.groups is None else data.groups.value_counts()["count"]
    if top and max(sizes) <= top:
        raise DataError(
            f"decision.top is {top:,}, and no scoring window of the holdout has more than {max(sizes):,} "
            "rows, so that all are chosen",
            where=str(model.origins.get("decision.top", model.origin)),
            fix="choose fewer rows, or make window.score longer",
        )


def check_target(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError unless each known value is one that the task allows, and they differ."""
    fit, holdout = data.fit[model.target], data.holdout[model.target]
    wrong = sum(model.judge.wrong_targets(part, model.goal) for part in (fit, holdout))
    rows, where = len(fit) + len(holdout), str(model.origins.get("target", model.origin))
    refusal = model.judge.wrong_target
    if wrong:
        raise DataError(
            f"the target {model.target} is {refusal.what} in {wrong:,} of {rows:,} rows",
            where=where,
            fix=refusal.fix,
        )
    if model.goal.positive and (different := len({*fit.unique(), *holdout.unique()})) > 2:
        raise DataError(
            f"the target {model.target} has {different:,} different values, and positive says one of two",
            where=where,
            fix="declare task: multiclass with target.classes, or derive two values in a query source",
        )
    if model.judge.send(data.fit[model.target], model.goal).n_unique() < 2:
        same = "is positive in all or none of the" if model.goal.positive else "has the same value in all"
        raise DataError(
            f"the target {model.target} {same} {data.fit.height:,} rows of the fit part: "
            "there is nothing to learn",
            where=where,
            fix="make window.train longer, or correct the source"
            + (", or the spelling of target.positive" if model.goal.positive else ""),
        )
    if model.imported is None:  # what was fitted elsewhere learned its classes there
        _refuse_unseen_classes(model, data.fit[model.target], where)


def check_event(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError unless each event is 0 or 1, some happened, and rows last beyond each horizon."""
    import polars as pl

    event, last = model.goal.event, max(model.goal.horizons)
    where = str(model.origins.get("target.event", model.origin))
    for part, name in ((data.fit, "fit"), (data.holdout, "holdout")):
        known = part[event].cast(pl.Float64)
        wrong = int((~((known == 0) | (known == 1)).fill_null(False)).sum())
        if wrong:
            raise DataError(
                f"the event {event} is missing, or neither 0 nor 1, in {wrong:,} of {part.height:,} rows",
                where=where,
                fix="derive 0 or 1 in a query source; 0 where the observation ended without the event",
            )
        if name == "fit" and not known.sum():
            raise DataError(
                f"the event {event} happened in none of {part.height:,} rows: there is nothing to learn",
                where=where,
                fix="make window.train longer, or correct the source",
            )
        if not (part[model.target].cast(pl.Float64) > last).any():
            raise DataError(
                f"no row of the {name} part is observed for longer than the horizon {last:g}",
                where=str(model.origins.get("target.horizons", model.origin)),
                fix="remove the horizon, or make window.label_delay longer, so that older rows are read",
            )


def _refuse_unseen_classes(model: ModelSpec, fit: pl.Series, where: str) -> None:
    import polars as pl

    there = set(fit.cast(pl.String).unique()) if model.goal.classes else set()
    absent = [name for name in model.goal.classes if name not in there]
    if absent:
        named = ", ".join(absent[:_MOST_NAMED])
        more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
        raise DataError(
            f"no row of the fit part has the class {named}{more}, so the model cannot learn it",
            where=where,
            fix="make window.train longer, or remove the class from target.classes",
        )


def check_roles(model: ModelSpec, data: TrainingData) -> None:
    """Raises DataError unless weights are numbers from 0 on, and every exposure is more than 0."""
    weights = model.goal.weights
    if weights:
        found = data.fit[weights]
        wrong = _count(found, least=0, included=True)
        if wrong or not found.sum():
            raise DataError(
                f"the weights {weights} are missing, negative or no finite number in {wrong:,} of "
                f"{len(found):,} rows"
                if wrong
                else f"the weights {weights} are 0 in all {len(found):,} rows of the fit part",
                where=str(model.origins.get("weights", model.origin)),
                fix="correct the source, or derive weights from 0 on in a query source",
            )
    for part in (data.fit, data.holdout):
        check_exposure(model, part)


def check_exposure(model: ModelSpec, frame: pl.DataFrame) -> None:
    """Raises DataError unless every exposure of these rows is a number above 0."""
    exposure = model.goal.exposure
    wrong = _count(frame[exposure], least=0, included=False) if exposure else 0
    if wrong:
        raise DataError(
            f"the exposure {exposure} is missing, 0, negative or no finite number in {wrong:,} of "
            f"{frame.height:,} rows",
            where=str(model.origins.get("exposure", model.origin)),
            fix="leave such rows out in a query source, or correct the source",
        )


def _count(values: pl.Series, *, least: float, included: bool) -> int:
    """How many values are missing, not finite, or below what is allowed."""
    import polars as pl

    number = values.cast(pl.Float64)
    enough = number >= least if included else number > least
    return int((~(enough & number.is_finite()).fill_null(False)).sum())
