"""The task that freezes one window of one source; models that share the source share the task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import luigi

from kronkers_batch.config.spec import InputRef, ModelSpec
from kronkers_batch.data.window import Window
from kronkers_batch.steps import ingest as step
from kronkers_batch.steps import rights
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import has_heads, source_of
from kronkers_batch.steps.windows import days, outputs_of
from kronkers_batch.vault.context import Scope, scope_of
from tasks.base import BaseTask

_OUTPUT = "output."


class Ingest(BaseTask):
    """Freeze ``[start, end)`` of a source as a snapshot. An empty moment is an open end.

    ``under`` is whose key (a department, or ``DEPARTMENT/MODEL``): models that share a source share the task
    where the caller is operator of a department.

    Complete when the source as it is now is frozen, and every output that it reads is up to date.
    """

    source: str = luigi.Parameter()  # a source's name, or output.MODEL
    under: str = luigi.Parameter(default="")  # empty is the department that declares the source
    start: str = luigi.Parameter(default="")
    end: str = luigi.Parameter(default="")

    @classmethod
    def of(cls, services: Services, model: ModelSpec, window: Window, **common: Any) -> Ingest:
        """The task for a window of what a model reads."""
        name = model.source.source or _OUTPUT + model.source.output
        under = str(step.owner(services, model))
        return cls(source=name, under=under, start=_text(window.start), end=_text(window.end), **common)

    @property
    def ref(self) -> InputRef:
        """What is read."""
        if self.source.startswith(_OUTPUT):
            return InputRef(output=self.source.removeprefix(_OUTPUT))
        return InputRef(source=self.source)

    @property
    def scope(self) -> Scope:
        """Whose key it is frozen under."""
        return scope_of(self.under or source_of(self.services, self.ref).department)

    @property
    def window(self) -> Window:
        """Which rows are read."""
        return Window(_moment(self.start), _moment(self.end))

    @property
    def subject(self) -> tuple[str, str]:
        """The source, and whose key it is frozen under."""
        return self.source, str(self.scope)

    def requires(self) -> Iterator[BaseTask]:
        """What the source reads of other models: tonight's output up to date, earlier ones published."""
        from tasks.score import Published, Score

        for model in outputs_of(self.services, self.ref):
            seen = rights.sees(self.services, model)
            for day in days(self.window):
                kind = Score if seen and day.isoformat() == self.tonight else Published
                yield kind(model=model, date=day, **self.common)

    def settled(self) -> bool:
        """Whether the source as it is now is frozen."""
        if not all(task.complete() for task in self.requires()):
            return False
        if not all(has_heads(self.services, m, self.window) for m in outputs_of(self.services, self.ref)):
            return False
        return step.find(self.services, self.ref, self.window, self.scope) is not None

    def reason(self) -> str:
        """Why: nothing is frozen for this window, the source changed since, or what was frozen is gone."""
        asked = (self.services, self.ref, self.window, self.scope)
        if not step.frozen_before(*asked):
            return "not read yet"
        return (
            "what was frozen is gone from the artifact store" if step.lost(*asked) else "the source changed"
        )

    def work(self) -> tuple[str, str]:
        """Read, check and freeze."""
        snapshot = step.freeze(self.services, self.ref, self.window, self.scope, self.occasion)
        return "done", step.in_words(snapshot.rows, snapshot.results)


def _text(moment: dt.datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _moment(text: str) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
