"""Worker processes in Python, R and Julia: the protocol, the sandbox, the worker files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kronkers_batch.runtimes.languages import environment_fingerprint
    from kronkers_batch.runtimes.model_worker import Worker, start
    from kronkers_batch.runtimes.probing import normalise_code, probe
    from kronkers_batch.runtimes.sandbox import SandboxState, sandbox_state
    from kronkers_batch.runtimes.worker_spec import WorkerInfo, WorkerSpec

_PLACES = {
    "Worker": "model_worker",
    "WorkerInfo": "worker_spec",
    "WorkerSpec": "worker_spec",
    "start": "model_worker",
    "probe": "probing",
    "normalise_code": "probing",
    "environment_fingerprint": "languages",
    "SandboxState": "sandbox",
    "sandbox_state": "sandbox",
}

__all__ = [
    "SandboxState",
    "Worker",
    "WorkerInfo",
    "WorkerSpec",
    "environment_fingerprint",
    "normalise_code",
    "probe",
    "sandbox_state",
    "start",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for; a light command does not pay for Polars."""
    if name not in _PLACES:
        raise AttributeError(name)
    import importlib

    return getattr(importlib.import_module(f"kronkers_batch.runtimes.{_PLACES[name]}"), name)
