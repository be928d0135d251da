"""The one place that chooses parts from the configuration and wires them. Nothing is opened at import."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.access import setup
from kronkers_batch.access.authorisation import check_place
from kronkers_batch.audit import lost
from kronkers_batch.config import signing
from kronkers_batch.config.load import load
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.secret import Secret
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.errors import AccessRefused, NotFound
from kronkers_batch.registry.registry import Registry
from kronkers_batch.runtimes.pool import WorkerPool
from kronkers_batch.session.services import Progress, Services, silent
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.cache import ContentCache
from kronkers_batch.store.engine import Database
from kronkers_batch.vault import keyfile, passphrase
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FIRST = "If you are its administrator, make it: kronkers plan. If it exists already, correct warehouse.url."


def open_system(
    conf: Path,
    overrides: Sequence[str] = (),
    *,
    progress: Progress = silent,
    log: Callable[[str], None] = lambda _line: None,
    announce: Callable[[str], None] = lambda _text: None,
    first_run: bool = False,
    new_warehouse: bool = False,
    verbose: bool = False,
) -> Services:
    """Load the configuration, open the database and the vault, and wire the parts.

    Args:
        conf: The configuration folder.
        overrides: Overrides of it.
        progress: Receives what is being done.
        log: Receives what workers print, bounded and scrubbed.
        announce: Receives what a first run made, and what of today's a run replaces, for whoever runs it.
        first_run: Whether an empty warehouse may be given its administrator and keys now.
        new_warehouse: Whether that also holds where another one was before, as somebody said.
        verbose: Whether tasks print tracebacks of errors, which may hold data.

    Raises:
        ConfigErrors, StoreError, IdentityError, AccessRefused, IntegrityError.
    """
    config = load(conf, overrides)
    check_place(config)
    db = Database(config.warehouse.url)
    vault = _vault(config, db, announce, first_run=first_run, new_warehouse=new_warehouse)
    lost.refuse_foreign(config, db, vault)
    vault.homes = {name: model.department for name, model in config.models.items()}
    artifacts = ArtifactStore(config.warehouse.artifacts)
    ledger = setup.make_ledger(db, vault)
    return Services(
        config=config,
        db=db,
        artifacts=artifacts,
        vault=vault,
        ledger=ledger,
        snapshots=Snapshots(db, artifacts, vault),
        registry=Registry(db, artifacts, vault, ledger),
        warehouse=Warehouse(db, vault, ledger),
        workers=WorkerPool(config.executor.kept_workers),
        cache=ContentCache(config.home / "cache", vault.identity.derive("cache")),
        progress=progress,
        log=log,
        announce=announce,
        verbose=verbose,
    )


def _vault(
    config: Config, db: Database, announce: Callable[[str], None], *, first_run: bool, new_warehouse: bool
) -> Vault:
    """The caller's vault, after a warehouse and keys were made where there were none and they may be made."""

    def is_lost() -> None:
        if not new_warehouse:
            lost.refuse(config, db)
        if not first_run:
            raise NotFound("there is no warehouse here yet", where=db.where, fix=_FIRST)

    db.migrate(is_lost)
    word = passphrase.ask(str(config.key_file)) if keyfile.is_sealed(config.key_file) else None
    with db.read() as connection:
        there = None if setup.is_new(db, connection) else _opened(config, db, word, first_run, connection)
    if there is None:
        is_lost()
        check_place(config, is_new=True)
        made = setup.initialise(
            db,
            config.key_file,
            config.departments,
            passphrase=word or passphrase.from_environment(),
            address=signing.address(config.warehouse.url),
        )
        announce(made.text)
        with db.read() as connection:
            there = _opened(config, db, word, False, connection)
    if there.text:
        announce(there.text)  # the run that made it was killed before it could say so
    if first_run and there.without_key:
        # Only an administrator makes the keys of new departments. For everybody else the models of such a
        # department are refused one by one, with the words that say who makes it.
        with contextlib.suppress(AccessRefused):
            setup.ensure_departments(db, there.vault, config.departments)
    return there.vault


@dataclass(frozen=True)
class _Opened:
    """The vault; what its making has still to tell; and the departments that have no key yet."""

    vault: Vault
    text: str
    without_key: list[str]


def _opened(
    config: Config, db: Database, word: Secret | None, first_run: bool, connection: Connection
) -> _Opened:
    local = config.warehouse.artifacts.removeprefix("file://")
    outside = [] if "://" in local else [Path(local)]
    text = setup.finish(db, config.key_file, connection) if first_run else ""
    if word is not None and config.executor.workers > 1:
        # The run's own processes open the key file too, and nobody can be asked there. Workers, which run the
        # departments' code, never get this process's environment.
        os.environ[passphrase.VARIABLE] = word.reveal()
    vault = setup.open_vault(db, config.key_file, outside=outside, passphrase=word, within=connection)
    return _Opened(vault, text, setup.without_key(connection, config.departments))
