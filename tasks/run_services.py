"""The opened system that tasks of this process work on: one for each configuration and run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from kronkers_batch.audit import checkpoint
from kronkers_batch.bootstrap import open_system
from kronkers_batch.config.folder import find_conf
from kronkers_batch.session.services import Services
from kronkers_batch.store.claims import RunClaim

_claims = contextlib.ExitStack()
_open: dict[tuple[str, tuple[str, ...]], Services] = {}


def provide(conf: Path, overrides: tuple[str, ...], services: Services) -> None:
    """Let tasks of this process use a system that is already open."""
    _open[str(conf), overrides] = services


def services(conf: str, overrides: tuple[str, ...], run_id: str, token: int = 0) -> Services:
    """The system for a task's parameters, opened at the first asking in this process.

    A task in a process of its own (luigi with several workers, or luigi's own command line) opens its own,
    and writes under the claim of the run that it belongs to, to its end.
    """
    path = find_conf(conf or None, os.environ)
    key = (str(path), overrides)
    if key not in _open:
        _open[key] = open_system(path, overrides)
        _open[key].run.id = run_id
        if run_id:
            _claims.enter_context(_open[key].db.under(RunClaim(run_id, token)))
        checkpoint.compare(_open[key])  # what it writes, it writes under the keys in use
    return _open[key]


def release(close: Callable[[Services], None] = lambda opened: opened.close()) -> None:
    """Close and forget every system of this process."""
    _claims.close()
    while _open:
        close(_open.popitem()[1])
