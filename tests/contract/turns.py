"""Started workers that answer one case after another, where a case asks nothing of its process.

A worker takes another ``model`` at any time, and forgets the one before. Each case still has a ``Worker`` of
its own, with its declaration, its limits and what it scrubs: only the process, whose start is most of what a
case costs, was another's before. Two workers that are there at once are two processes.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.languages import Language
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, Estimator
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.runtimes import conversation
from kronkers_batch.runtimes.model_worker import Worker
from kronkers_batch.runtimes.worker_spec import KeptCode, WorkerSpec


class Turn(Worker):
    """A worker in a process that another worker started."""

    def __init__(self, spec: WorkerSpec, first: Worker) -> None:
        launch = replace(first._launch, folder=f"{first._launch.folder}/{spec.name}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conversation, "launch", lambda *_: launch)
            patch.setattr(conversation, "Process", lambda *_: first._process)
            super().__init__(spec)

    def _end(self, why: str) -> None:
        """Keeps a process that answered why it cannot load a model: it takes another one."""
        if why == "its model could not be loaded":
            self._failed = "it was closed"
        else:
            super()._end(why)

    def close(self) -> None:
        """Leaves the process to the next one, if it can answer it."""
        if self._info is not None and self.is_ready():
            self._failed = "it was closed"
        elif self._failed != "it was closed":
            super().close()


class Turns:
    """The processes of a module's tests, by language and limits; each is started when it is first needed.

    Args:
        cases: The code of each case, by language.
        environments: What declared estimators run in, where their workers take turns.
    """

    def __init__(
        self, cases: Mapping[Language, Mapping[str, str]], environments: Collection[Environment] = ()
    ) -> None:
        self._cases = cases
        self._environments = environments
        self._started: dict[tuple[object, ...], list[tuple[Worker, list[Turn]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for started in self._started.values():
            for first, _ in started:
                first.close()

    def takes(self, spec: WorkerSpec) -> bool:
        """Whether all that the spec asks for can be told to a process that runs."""
        if isinstance(spec.model, Estimator):
            return spec.environment in self._environments and spec.sandbox is SandboxPolicy.REQUIRE
        return (
            isinstance(spec.model, KeptCode)
            and spec.model.text == self._cases[spec.language].get(spec.name)
            and not spec.model.files
            and "save_model" not in spec.model.text  # which R finds again after the next case's code
            and spec.environment == Environment()
            and spec.sandbox is SandboxPolicy.REQUIRE
        )

    def start(self, spec: WorkerSpec) -> Turn:
        """A worker in the first process that nobody uses; it goes back at the worker's close."""
        limits = spec.resources.memory, spec.resources.threads
        place = spec.environment if isinstance(spec.model, Estimator) else Environment()
        code = isinstance(spec.model, KeptCode)
        started = self._started.setdefault((spec.language.name, *limits, code, place), [])
        started[:] = [(first, users) for first, users in started if first.is_ready()]
        for first, users in started:
            if all(user._failed for user in users):
                users[:] = [Turn(spec, first)]
                return users[0]
        first = runtimes.start(self._standing(spec))
        _ = first.info
        first._process.shown_elsewhere = lambda: ""  # it was looked at, and is said only once
        started.append((first, [Turn(spec, first)]))
        return started[-1][1][0]

    def _standing(self, spec: WorkerSpec) -> WorkerSpec:
        """What shows the code of every case, each in a folder of its name; of estimators a plain one."""
        if spec.model is None:
            raise TypeError("a worker without a model is not shared")
        if isinstance(spec.model, Estimator):
            model = importlib.import_module(f"tests.contract.models_{spec.language}").ESTIMATOR
            plain = {"model": model, "task": TASKS["regression"], "goal": Goal(), "fit_only": Schema(())}
            return replace(spec, **plain, log=lambda _line: None)  # the spec itself may be one to refuse
        path = spec.model.path
        files = {f"{case}/{path.name}": text.encode() for case, text in self._cases[spec.language].items()}
        place = Path("/kronkers/turns", path.name)
        return replace(spec, model=replace(spec.model, path=place, files=files), log=lambda _line: None)
