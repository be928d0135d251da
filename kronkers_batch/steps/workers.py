"""A model's worker: how it is declared, and a small pool of those that are started and loaded."""

from __future__ import annotations

import functools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CodeFile, ModelSpec, SandboxPolicy
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.runtimes.spec import KeptCode, Walls, WorkerSpec

if TYPE_CHECKING:
    from kronkers_batch.runtimes.worker import Worker
    from kronkers_batch.steps.services import Services

POOL_SIZE = 2


def worker_spec(
    services: Services, model: ModelSpec, features: Schema, target: Column | None = None
) -> WorkerSpec:
    """What a worker of this model is told. ``features`` has the training's levels of every category."""
    sandbox = services.config.executor.sandbox
    return worker_spec_for(model, features, sandbox, walls_of(services, model), target, services.log)


def walls_of(services: Services, model: ModelSpec) -> Walls:
    """Where a worker of this model may not look; worked out once a run for each department."""
    known, department = services.run.walls, model.department
    if department not in known:
        known[department] = walls(Places.of(services.config, os.environ), department)
    return known[department]


def walls(places: Places, department: str) -> Walls:
    """Where a worker of this department may not look."""
    refusal = functools.cache(lambda path: places.refusal(path, department=department))
    return Walls(places.masked(department), refusal)


def worker_spec_for(
    model: ModelSpec,
    features: Schema,
    sandbox: SandboxPolicy,
    walls: Walls,
    target: Column | None = None,
    log: Callable[[str], None] = lambda _line: None,
) -> WorkerSpec:
    """As :func:`worker_spec`, without opened services."""
    if isinstance(model.model, CodeFile) and not isinstance(model.model, KeptCode):
        raise TypeError("a worker runs code as a version keeps it")
    return WorkerSpec(
        name=model.name,
        language=model.language,
        model=model.model,
        task=model.task,
        parameters=model.parameters,
        data=model.data,
        environment=model.environment,
        features=features,
        target=target,
        outputs=model.output_columns,
        unseen=model.unseen,
        resources=model.resources,
        seed=model.seed,
        sandbox=sandbox,
        log=log,
        walls=walls,
        environment_at=environment_at(model),
    )


def environment_at(model: ModelSpec) -> str:
    """The line that declares the model's environment; empty where none does."""
    keys = [key for key in model.origins if key == "environment" or key.startswith("environment.")]
    return str(model.origins[max(keys, key=len)]) if keys else ""


class WorkerPool:
    """Workers that were started and loaded ahead of their use, or that may be used again.

    At most ``POOL_SIZE`` are kept; the one unused for longest is closed first.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Future[Worker]] = OrderedDict()
        self._threads = ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="worker-start")

    @property
    def full(self) -> bool:
        """Whether :meth:`prepare` would start nothing more."""
        return len(self._waiting) >= POOL_SIZE

    def prepare(self, key: str, open_worker: Callable[[], Worker]) -> None:
        """Start a worker in the background, so that it is ready when its data is."""
        if key not in self._waiting and not self.full:
            self._waiting[key] = self._threads.submit(open_worker)

    def prepare_several(self, key: str, open_worker: Callable[[], Worker], count: int) -> None:
        """As :meth:`prepare`, for :meth:`use_several`."""
        for name in _names(key, count):
            self.prepare(name, open_worker)

    @contextmanager
    def use(self, key: str, open_worker: Callable[[], Worker]) -> Iterator[Worker]:
        """A worker for this key. It goes back into the pool, or is closed if anything failed."""
        waiting = self._waiting.pop(key, None)
        worker = waiting.result() if waiting is not None else open_worker()
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        self._keep(key, worker)

    @contextmanager
    def use_up(self, key: str, open_worker: Callable[[], Worker]) -> Iterator[Worker]:
        """As :meth:`use`, but the worker is closed in any case: one that trained still holds its data."""
        waiting = self._waiting.pop(key, None)
        with waiting.result() if waiting is not None else open_worker() as worker:
            yield worker

    @contextmanager
    def use_several(
        self, key: str, open_worker: Callable[[], Worker], count: int
    ) -> Iterator[tuple[Worker, ...]]:
        """So many workers for this key, started beside each other. As :meth:`use` for each."""
        self.prepare_several(key, open_worker, count)
        with ExitStack() as stack:
            names = _names(key, count)
            yield tuple(stack.enter_context(self.use(name, open_worker)) for name in names)

    def _keep(self, key: str, worker: Worker) -> None:
        done: Future[Worker] = Future()
        done.set_result(worker)
        self._waiting[key] = done
        while len(self._waiting) > POOL_SIZE:
            _close(self._waiting.popitem(last=False)[1])

    def empty(self) -> None:
        """Stop every worker that waits, also those that still start: all that they record is then there."""
        while self._waiting:
            _close(self._waiting.popitem()[1])

    def close(self) -> None:
        """Stop every worker; none is started after that."""
        self.empty()
        self._threads.shutdown()


def _names(key: str, count: int) -> list[str]:
    return [key, *(f"{key} {number}" for number in range(1, count))]


def _close(waiting: Future[Worker]) -> None:
    # One that failed to start has nothing to close; whatever failed is met again by whoever uses it.
    with suppress(Exception):
        waiting.result().close()
