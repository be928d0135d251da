"""What a model says of its time series, held against its task and its source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from collections.abc import Mapping as MappingType

from kronkers_batch.config.check_kind import TIMES
from kronkers_batch.config.check_specs import RawCheck
from kronkers_batch.config.feature_fields import RawFeature
from kronkers_batch.config.forecast_fields import FORECAST, Origins
from kronkers_batch.config.link import Linker
from kronkers_batch.config.nodes import Mapping
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import InputRef, OnFailure
from kronkers_batch.frames.panel import ORIGIN, Panel
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Task

_DAY = dt.timedelta(days=1)
_SERIES = (ColumnType.STRING, ColumnType.CATEGORY, ColumnType.INTEGER, ColumnType.INT32)
_TEXT = (ColumnType.STRING, ColumnType.CATEGORY)
_NEEDED: MappingType[tuple[str, ...], str] = {
    ("series",): "series: [store]",
    ("time",): "time: {column: day, step: 1d, season: 7d}",
    ("horizon",): "horizon: 28d",
    ("window", "holdout"): "window: {holdout: {origins: 8, every: 7d}}",
}
_NOT_FOR_SERIES: MappingType[tuple[str, ...], str] = {
    ("features",): "remove it: they follow from series, time, future, past and static",
    ("key",): f"remove it: the key is series, {ORIGIN} and time",
    ("weights",): "remove it",
    ("train_only",): "remove it: a column that score may not see is one of past",
    ("artifact",): "remove it: a forecast is fitted here",
    ("estimator",): "write code: PATH, with fit and score; declared estimators are not for series yet",
    ("window", "score"): "remove it: horizon says how far ahead is forecast",
    ("window", "label_delay"): "remove it: the origin is the logical date; run an earlier --date",
    ("window", "holdout_share"): "remove it: window.holdout says from which origins it is measured",
    ("window", "holdout_by"): "remove it: window.holdout says from which origins it is measured",
}


def seen(raw: RawModel, columns: MappingType[str, Column]) -> Iterator[tuple[str, str, RawFeature]]:
    """What the model's code sees besides the target, in order: key, column, and what is said of it."""
    values, panel = raw.values, raw.goal.panel
    if panel is None:
        yield from (("features", name, said) for name, said in (values["features"] or {}).items())
        return
    for (
        name
    ) in panel.series:  # an unseen level of a category would be nothing, and a series would have no name
        text = name in columns and columns[name].type in _TEXT
        yield "series", name, RawFeature(raw.at("series"), ColumnType.STRING if text else None)
    if panel.time:
        yield "time.column", panel.time, RawFeature(raw.at("time", "column"))
    for key in ("future", "static", "past"):
        yield from ((key, name, said) for name, said in values[key].items())


def may_lack(raw: RawModel, key: str) -> bool:
    """Whether what stands below a key is missing in the steps of a history that have no row."""
    panel = raw.goal.panel
    return panel is not None and key in ("future", "past") and panel.gaps != "error"


def check(raw: RawModel, columns: MappingType[str, Column], linker: Linker, problems: Problems) -> None:
    """Reports what cannot be."""
    task, panel = raw.values["task"], raw.goal.panel
    if task is None:
        return
    if panel is None:
        _refuse_keys(raw, task, problems)
        return
    if not _whole(raw, task, problems):
        return
    _roles(raw, panel, columns, problems)
    source = raw.values["source"]
    if source is not None and linker.reads_output(source):
        what = "the source reads the output of a model, of which there is none ahead of the logical date"
        problems.add(raw.at("source").origin("source"), what, "forecast from a source of observed rows")
    elif source is not None:
        _time(raw, panel, columns, linker.time_column(source), problems)
    _durations(raw, panel, columns, problems)
    _quantiles(raw, panel, problems)
    _refuse_drops(raw, panel, linker, problems)


def _said(raw: RawModel, path: tuple[str, ...]) -> bool:
    above = raw.at(*path[:-1]) if len(path) > 1 else raw.tree
    return isinstance(above, Mapping) and path[-1] in above.items


def _refuse_keys(raw: RawModel, task: Task, problems: Problems) -> None:
    """Reports keys of series on a task that has none."""
    wrong: list[tuple[str, ...]] = [(field.name,) for field in FORECAST if _said(raw, (field.name,))]
    wrong += [("target", "min")] if _said(raw, ("target", "min")) else []
    wrong += [("window", "holdout")] if isinstance(raw.values["window"]["holdout"], Origins) else []
    others = ", ".join(str(one) for one in TASKS.values() if one.of_series)
    for path in wrong:
        key = ".".join(path)
        what = f"'{key}' is not for the task {task}"
        if path == ("window", "holdout"):
            what = f"origins in window.holdout are not for the task {task}"
        problems.add(raw.at(*path).origin(key), what, f"remove it; it is for: {others}")


def _whole(raw: RawModel, task: Task, problems: Problems) -> bool:
    """Whether everything is there that a forecast needs, and nothing that it cannot have; else reports it."""
    before = len(problems)
    for path, fix in _NOT_FOR_SERIES.items():
        if _said(raw, path):
            key = ".".join(path)
            problems.add(raw.at(*path).origin(key), f"'{key}' is not for the task {task}", fix)
    for path, example in _NEEDED.items():
        there = _said(raw, path)
        if path == ("window", "holdout"):
            there = isinstance(raw.values["window"]["holdout"], Origins)
        if not there:
            key = ".".join(path)
            problems.add(
                raw.at(*path).origin(key), f"the task {task} needs '{key}'", f"write it, such as {example}"
            )
    return len(problems) == before


def _roles(raw: RawModel, panel: Panel, columns: MappingType[str, Column], problems: Problems) -> None:
    names = [(key, name) for key, name, _ in seen(raw, columns)]
    for number, (key, name) in enumerate(names):
        where = raw.at(*key.split(".")).origin(key)
        earlier = [other for other, one in names[:number] if one == name]
        if earlier:
            problems.add(where, f"the column '{name}' is named in {earlier[0]} and in {key}", "name it once")
        if name == ORIGIN and key in ("series", "time.column"):
            what = f"the column '{name}' has the name of the output column for the origin"
            problems.add(where, what, "give it another name in a query source")
    for name in panel.columns:
        if name.startswith(":"):
            what = f"the column '{name}' begins with a colon, as only the program's own columns do"
            problems.add(raw.tree.origin("series"), what, "give it another name in a query source")
    for name in panel.series:
        if name in columns and columns[name].type not in _SERIES:
            what = f"the column '{name}' is {columns[name].type}, which cannot name a series"
            problems.add(raw.at("series").origin("series"), what, f"allowed types: {', '.join(_SERIES)}")


def _time(
    raw: RawModel,
    panel: Panel,
    columns: MappingType[str, Column],
    time_column: str,
    problems: Problems,
) -> None:
    where = raw.at("time", "column").origin("time.column")
    if panel.time not in columns:
        return  # reported as a column that is not there
    if columns[panel.time].type not in TIMES:
        what = f"the time '{panel.time}' has the type {columns[panel.time].type}"
        problems.add(where, what, f"allowed types: {', '.join(TIMES)}")
    elif panel.time != time_column:
        what = f"the source does not select rows by '{panel.time}'"
        fix = f"write time_column: {panel.time} in the source"
        problems.add(where, what, fix + (f", which has {time_column}" if time_column else ""))


def _durations(raw: RawModel, panel: Panel, columns: MappingType[str, Column], problems: Problems) -> None:
    """Reports what is no multiple of a step."""
    dated = panel.time in columns and columns[panel.time].type is ColumnType.DATE
    if dated and panel.step % _DAY:
        what = f"the time '{panel.time}' is a date, and the step is no whole number of days"
        problems.add(raw.at("time", "step").origin("time.step"), what, "write a step such as 1d or 7d")
    for path, length in (
        (("time", "season"), panel.season),
        (("horizon",), panel.horizon),
        (("window", "holdout"), panel.every),
    ):
        if length % panel.step:
            key = ".".join(path)
            name = "every in window.holdout" if path == ("window", "holdout") else f"'{key}'"
            what = f"{name} is no multiple of time.step"
            problems.add(raw.at(*path).origin(key), what, "write a whole number of steps")
    train = raw.values["window"]["train"]
    if train and panel.under >= train:
        what = "'new_series.under' is not shorter than window.train, so every series would be new"
        where = raw.at("new_series", "under").origin("new_series.under")
        problems.add(where, what, "make it shorter, or window.train longer")
    if panel.history and panel.history <= panel.season:
        what = "'history' is not longer than time.season"
        problems.add(raw.at("history").origin("history"), what, "make it longer: nothing would repeat in it")


def _checks_of_sources(ref: InputRef | None, linker: Linker) -> Iterator[RawCheck]:
    """Those of a source, and of all sources that its query reads."""
    waiting, seen = [ref.source if ref is not None else ""], set()
    while waiting:
        source = linker.raw_sources.get(name := waiting.pop())
        if source is None or name in seen:
            continue
        seen.add(name)
        yield from source.values["checks"]
        waiting += [one.source for one in (source.values["inputs"] or {}).values()]


def _refuse_drops(raw: RawModel, panel: Panel, linker: Linker, problems: Problems) -> None:
    """Reports checks that drop rows where a step without a row is a zero."""
    checks = (*raw.values["checks"]["input"], *_checks_of_sources(raw.values["source"], linker))
    drops = [check for check in checks if check.entry.values["on_failure"] is OnFailure.DROP]
    if drops and panel.gaps == "zero":
        where = drops[0].entry.node.origin(drops[0].entry.key)
        what = f"a check drops rows, and gaps: zero makes zeros of them ({raw.at('gaps').origin('gaps')})"
        problems.add(where, what, "let it fail, or declare gaps: missing")


def _quantiles(raw: RawModel, panel: Panel, problems: Problems) -> None:
    goal, said = raw.goal, raw.values["output"]["evaluate"]
    target = raw.values["target"]
    if goal.quantiles and target and target["loss"]:
        problems.add(
            raw.at("target", "loss").origin("target.loss"),
            "'target.loss' is not for quantiles",
            "remove it: their loss is the pinball loss",
        )
    if goal.quantiles and said is not None and panel.point is None:
        names = raw.values["task"].fixed(goal) if raw.values["task"] else ()
        problems.add(
            raw.at("output", "evaluate").origin("output.evaluate"),
            f"'{said}' is none of the quantiles",
            suggest(said, names),
        )
