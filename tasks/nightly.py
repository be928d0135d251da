"""The whole graph of one logical date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cached_property

import luigi

from kronkers_batch.steps.permits import refusal
from kronkers_batch.steps.stopped import switched_off
from tasks.base import BaseTask
from tasks.score import Score
from tasks.train import due_training


class Nightly(BaseTask):
    """Score every enabled model, or those named, and train those whose training is due."""

    date: dt.date = luigi.DateParameter()
    models: tuple[str, ...] = luigi.TupleParameter(default=())

    def names(self) -> list[str]:
        """The models of this run; also those that conf alone switched off, which are refused."""
        declared = self.services.config.models
        return list(self.models) or [
            name for name, model in declared.items() if model.enabled or switched_off(self.services, name)
        ]

    def requires(self) -> Sequence[BaseTask]:
        """A scoring of each model, and a training of each that is due; found out once in a run."""
        return self._found if self.run_id else list(self._required())

    @cached_property
    def _found(self) -> list[BaseTask]:
        return list(self._required())

    def _required(self) -> Iterator[BaseTask]:
        common = {**self.common, "tonight": self.date.isoformat()}
        for name in self.names():
            yield Score(model=name, date=self.date, **common)
            if refusal(self.services, name) is not None:
                continue
            yield from due_training(self.services, name, self.date, common)

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return all(task.complete() for task in self.requires())

    def reason(self) -> str:
        """Why: something in it is to run."""
        return "not everything is done"

    def run(self) -> None:
        """Nothing of its own: the work is in what it requires."""
