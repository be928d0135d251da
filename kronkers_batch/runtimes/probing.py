"""Questions about models and environments that need no data."""

from __future__ import annotations

import datetime as dt

from kronkers_batch.config.languages import Language
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, Resources, Unseen
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes.measure_worker import start_measure
from kronkers_batch.runtimes.model_worker import Worker, start
from kronkers_batch.runtimes.sandbox import SandboxState, sandbox_state
from kronkers_batch.runtimes.worker_spec import Walls, WorkerInfo, WorkerSpec

__all__ = [
    "SandboxState",
    "interpreter_version",
    "normalise_code",
    "parser",
    "probe",
    "probe_measure",
    "sandbox_state",
]

NORMALISING = Resources(time_limit=dt.timedelta(seconds=60))


def probe(spec: WorkerSpec) -> WorkerInfo:
    """Starts the model's worker, loads its code or finds its estimator, and ends it.

    Raises:
        ModelError: The code or the estimator cannot be loaded.
        WorkerFailed: The process does not start, or not within ``resources.start_limit``.
        MissingPart: The interpreter or the required sandbox is missing.
    """
    with start(spec) as worker:
        return worker.info


def probe_measure(spec: WorkerSpec) -> WorkerInfo:
    """As :func:`probe`, of an own measure."""
    with start_measure(spec) as worker:
        return worker.info


def normalise_code(
    language: Language,
    environment: Environment,
    code: str,
    sandbox: SandboxPolicy,
    name: str = "",
    walls: Walls | None = None,
) -> str:
    """``code`` without comments and layout, by that language's own parser, in a worker without a model.

    Args:
        language: Of the code.
        environment: Whose parser is asked.
        code: The text; it is never run.
        sandbox: For the worker.
        name: The model that errors name.
        walls: Where the worker may not look.

    Raises:
        ModelError: It does not parse.
        WorkerFailed, MissingPart: As for :func:`probe`.
    """
    with parser(language, environment, sandbox, name, walls) as worker:
        return worker.normalise(code)


def parser(
    language: Language,
    environment: Environment,
    sandbox: SandboxPolicy,
    name: str = "",
    walls: Walls | None = None,
) -> Worker:
    """A worker without a model, to be asked to ``normalise``; otherwise as :func:`normalise_code`."""
    return start(_without_model(language, environment, sandbox, name, walls))


def interpreter_version(language: Language, environment: Environment | None = None) -> str:
    """The version that answers when a worker starts, in the sandbox where there is one.

    Raises:
        MissingPart: The interpreter is not installed.
        WorkerFailed: It does not start.
    """
    with start(_without_model(language, environment or Environment(), SandboxPolicy.PREFER)) as worker:
        return worker.info.version


def _without_model(
    language: Language,
    environment: Environment,
    sandbox: SandboxPolicy,
    name: str = "",
    walls: Walls | None = None,
) -> WorkerSpec:
    return WorkerSpec(
        name=name,
        language=language,
        model=None,
        task=next(iter(TASKS.values())),  # it has no model to be asked
        parameters={},
        data="",
        environment=environment,
        features=Schema(()),
        target=None,
        outputs=(),
        unseen=Unseen.MISSING,
        resources=NORMALISING,
        seed=0,
        sandbox=sandbox,
        log=lambda _line: None,
        walls=walls or Walls(),
    )
