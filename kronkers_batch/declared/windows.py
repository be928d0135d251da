"""Which rows belong to a logical date: the windows of a model, and the dates that a window covers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import InputRef, ModelSpec, SourceSpec
from kronkers_batch.data.window import Window
from kronkers_batch.session.services import Services, midnight


def scoring_window(model: ModelSpec, source: SourceSpec, date: dt.date) -> Window:
    """``[date, date + score)``; all of a source without a time column.

    Of series, the history before the date, and the horizon where something of it is known ahead.
    """
    if not is_timed(source):
        return Window(None, None)
    if panel := model.goal.panel:
        # As much as a training reads, also where a history is shorter: a series is as old as its first row.
        train = model.windows.train
        length = max(train, panel.history) if train else train
        end = midnight(date) + panel.horizon if panel.future else midnight(date)
        return Window(midnight(date) - length if length else None, end)
    return Window(midnight(date), midnight(date) + model.windows.score)


def predicted_window(model: ModelSpec, window: Window, date: dt.date) -> Window:
    """What of a scoring window is predicted: all of it, or of series the horizon alone."""
    panel = model.goal.panel
    return Window(midnight(date), midnight(date) + panel.horizon) if panel else window


def training_window(model: ModelSpec, source: SourceSpec, date: dt.date) -> Window:
    """``[date - label_delay - train, date - label_delay)``; from the start where ``train`` is zero."""
    if not is_timed(source):
        return Window(None, None)
    end = midnight(date) - model.windows.label_delay
    return Window(end - model.windows.train if model.windows.train else None, end)


def holdout_start(model: ModelSpec, window: Window) -> dt.datetime | None:
    """Where the held-out end of a training window begins; None where rows are not held out by their time."""
    if window.end is None or model.windows.holdout_by:
        return None
    return window.end - model.windows.holdout


def is_timed(source: SourceSpec) -> bool:
    """Whether windows select rows of this source."""
    return bool(source.time_column) or SOURCE_KINDS[source.kind].is_dated


def days(window: Window) -> Iterator[dt.date]:
    """Every logical date that a window touches. A window without a start or end touches none by itself."""
    if window.start is None or window.end is None:
        return
    day = window.start.date()
    while midnight(day) < window.end:
        yield day
        day += dt.timedelta(days=1)


def outputs_of(services: Services, ref: InputRef) -> Iterator[str]:
    """The models whose outputs a source reads, directly or through other sources; each once."""
    seen: set[InputRef] = set()
    waiting = [ref]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current.output:
            yield current.output
            continue
        source = services.source(current.source)
        if source.output:
            waiting.append(InputRef(output=source.output))
        waiting += source.inputs.values()
