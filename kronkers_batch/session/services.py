"""What every step is handed: the checked configuration and the opened parts. Made by ``bootstrap``."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kronkers_batch.config import account
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import ModelSpec, SourceSpec
from kronkers_batch.errors import NotFound, UsageError
from kronkers_batch.session.lifetimes import Request, Run
from kronkers_batch.store.cache import ContentCache
from kronkers_batch.vault import remembered_definitions
from kronkers_batch.vault.definition_signatures import Signatures

if TYPE_CHECKING:
    from kronkers_batch.data.snapshots import Snapshots
    from kronkers_batch.ledger.ledger import Ledger
    from kronkers_batch.registry.registry import Registry
    from kronkers_batch.runtimes.pool import WorkerPool
    from kronkers_batch.store.artifacts import ArtifactStore
    from kronkers_batch.store.engine import Database
    from kronkers_batch.vault.vault import Vault
    from kronkers_batch.warehouse.warehouse import Warehouse

Progress = Callable[[str, int], None]
"""Called with what is being done and how many rows are done."""


def silent(_what: str, _rows: int) -> None:
    """The progress of whoever does not want any."""


@dataclass
class Services:
    """The parts of one process; ``run`` and ``request`` are what it works on now."""

    config: Config
    db: Database
    artifacts: ArtifactStore
    vault: Vault
    ledger: Ledger
    snapshots: Snapshots
    registry: Registry
    warehouse: Warehouse
    workers: WorkerPool
    cache: ContentCache
    progress: Progress = silent
    log: Callable[[str], None] = field(default=lambda _line: None)
    announce: Callable[[str], None] = field(default=lambda _text: None)  # for the person who runs it
    verbose: bool = False  # whether tasks print tracebacks
    run: Run = field(default_factory=Run)
    request: Request = field(default_factory=Request)

    @property
    def run_id(self) -> str:
        """The id of the run; empty where nothing is recorded."""
        return self.run.id

    @cached_property
    def places(self) -> Places:
        """Where no path may lead."""
        return Places.of(self.config, os.environ)

    @property
    def signatures(self) -> Signatures:
        """The warehouse's signatures as this account sees them; one object a run."""
        if self.run.signatures is None:
            remembered = remembered_definitions.load(account.memory_file(os.environ))
            self.run.signatures = Signatures(self.vault, remembered)
        return self.run.signatures

    def close(self) -> None:
        """Stop the workers and close the database."""
        self.workers.close()
        self.db.close()

    def model(self, name: str) -> ModelSpec:
        """A declared model. Raises UsageError with the nearest name."""
        try:
            return self.config.models[name]
        except KeyError:
            raise UsageError(f"no model is called {name!r}", fix=_nearest(name, self.config.models)) from None

    def source(self, name: str) -> SourceSpec:
        """A declared source. Raises NotFound."""
        try:
            return self.config.sources[name]
        except KeyError:
            raise NotFound(f"no source is called {name!r}", fix=_nearest(name, self.config.sources)) from None


def _nearest(name: str, known: object) -> str:
    import difflib

    names = list(known)  # type: ignore[call-overload]
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else "declared are: " + (", ".join(names) or "none")


def midnight(day: dt.date) -> dt.datetime:
    """The start of a day, in UTC."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)
