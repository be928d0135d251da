"""What is verified when, and the checkpoints outside the database: written when a run ends, compared before.

A run verifies at its end what the ledger gained since the caller's own newest checkpoint, and writes the next
one. Without one it verifies everything. A command that decided something, such as a revocation, writes one of
what it met: else the database of before could be put back until the next run. Before a run writes anything,
the keys in use are compared with the checkpoints and the ledger: who was revoked knows the older ones.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from kronkers_batch.audit import keys_in_use, recorded, recorded_since
from kronkers_batch.audit import replayed as standing
from kronkers_batch.errors import StoreError
from kronkers_batch.ledger import checkpoints, ledger
from kronkers_batch.ledger.checkpoints import Checkpoint, Head
from kronkers_batch.policy.ledger_keys import LedgerKeys
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock, pending
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.tables import registry, signing
from kronkers_batch.store.tables import vault as t

# Few rows, looked up by an index each time that somebody's right is asked.
_SMALL = (
    t.revocations,
    t.grants,
    t.grant_keys,
    t.principals,
    t.principal_keys,
    t.tree_keys,
    registry.champions,
    signing.definitions,
)


_TRIES, _BETWEEN = 3, 0.3  # attempts to write one, and seconds between them


class NoCheckpoint(StoreError):
    """No checkpoint could be written; what was done is kept, and one is pending."""


@dataclass(frozen=True)
class Verified:
    """What `kronkers ledger verify` went through: entries, checkpoints, versions of models and outputs."""

    entries: int
    checkpoints: int
    versions: int


def write(services: Services) -> None:
    """Verifies what is new since the caller's newest checkpoint, or everything, and writes the next one.

    None is written where ``warehouse.checkpoints`` is empty. Raises IntegrityError, StoreError.
    """
    store, keys = _store(services), LedgerKeys(services.vault)
    services.ledger.decided = False
    mine = services.ledger.mine
    with services.db.read(anew=True) as connection:
        point: Checkpoint | None = None
        unread: StoreError | None = None
        if store is not None:
            try:
                point = checkpoints.own(connection, keys, store)
            except StoreError as error:
                unread = error
        head = _since(services, connection, mine, point)
        counts, versions = recorded_since.counts(connection), keys_in_use.versions(connection)
        people = standing.digest(connection, head.seq)
    if store is not None:

        def put() -> None:
            if unread is not None:
                raise unread
            checkpoints.write(keys, store, head, counts, versions, people)

        with _no_checkpoint():
            _written(services, put)


def mark(services: Services, *, always: bool = False) -> None:
    """Writes a checkpoint of what the caller met, not verified, where this process decided something.

    ``always``: also where it did not. Raises NoCheckpoint, IntegrityError.
    """
    store = _store(services)
    if store is None or not (services.ledger.decided or always):
        return
    services.ledger.decided = False
    mine = services.ledger.mine
    with services.db.read(anew=True) as connection:
        services.ledger.require_mine(connection, mine)
        head, versions = ledger.head(connection), keys_in_use.versions(connection)
    with _no_checkpoint():
        keys = LedgerKeys(services.vault)
        _written(services, lambda: checkpoints.write(keys, store, head, None, versions))


def require_current(services: Services) -> None:
    """Refuses a database that lacks what its newest checkpoint tells: an older one, put in its place.

    Raises IntegrityError, StoreError where the checkpoints cannot be read.
    """
    store = _store(services)
    if store is not None:
        with services.db.read() as connection:
            checkpoints.newest(connection, LedgerKeys(services.vault), store, most=1)


def compare(services: Services) -> None:
    """Refuses a database that is older than its checkpoints, has older keys than were in use already, or has
    people of whom the ledger does not tell.

    Raises IntegrityError, StoreError.
    """
    store, keys = _store(services), LedgerKeys(services.vault)
    with services.db.read() as connection:
        standing.replayed(services, connection).compare(connection)
        found = [] if store is None else checkpoints.newest(connection, keys, store)
        for point in found:
            if checkpoints.is_own(point, keys):
                standing.require_same(connection, point)
        _expect(services, connection, found)


def verify(services: Services) -> Verified:
    """Verifies everything: the ledger, each checkpoint, and what the ledger tells of.

    Raises IntegrityError, StoreError.
    """
    store, mine = _store(services), services.ledger.mine
    with services.db.read(anew=True) as connection:
        services.db.require_whole(connection)
        entries = services.ledger.verify_in(connection, mine).seq
        points = 0 if store is None else checkpoints.verify(services.db, LedgerKeys(services.vault), store)
        versions = recorded.verify(services, connection)
    return Verified(entries, points, versions)


def _since(services: Services, connection: Connection, mine: Head, point: Checkpoint | None) -> Head:
    services.db.require_whole(connection, _SMALL)
    if point is None or point.counts is None:
        head = services.ledger.verify_in(connection, mine)
        recorded.verify(services, connection)
        return head
    head = services.ledger.verify_in(connection, mine, point.head)
    _expect(services, connection, [point])
    standing.require_same(connection, point)
    recorded_since.verify(services, connection, point.seq, point.counts)
    return head


def _expect(services: Services, connection: Connection, points: Iterable[Checkpoint]) -> None:
    """What others sign asks for more, never for less: without one's own the whole ledger is asked."""
    with_keys = [point for point in points if point.keys is not None]
    own = any(point.signer == services.vault.identity.public.id and point.counts for point in with_keys)
    for point in with_keys if own else (None, *with_keys):
        services.vault.ring.expect(connection, keys_in_use.least(connection, point))


def _written(services: Services, write: Callable[[], object]) -> None:
    """Tries for a time; what is not written then is pending until the next command writes one."""
    who, began = services.vault.principal, clock.now()
    for left in reversed(range(_TRIES)):
        try:
            write()
            break
        except StoreError:
            if not left:
                with services.db.write() as connection:
                    pending.mark(connection, pending.CHECKPOINT, who)
                raise
            time.sleep(_BETWEEN)
    with services.db.read() as connection:
        marked = pending.is_marked(connection, pending.CHECKPOINT, who)
    if marked:
        with services.db.write() as connection:
            pending.clear(connection, pending.CHECKPOINT, who, upto=began)


@contextlib.contextmanager
def _no_checkpoint() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise NoCheckpoint(
            f"the command did its work, but could not write the checkpoint of the ledger: {error.what}",
            where=f"warehouse.checkpoints, {error.where}",
            fix=f"{error.fix}\n     The next command tries again. Until a checkpoint is written, nobody "
            "may notice that somebody replaced the database by an older one.",
        ) from error


def _store(services: Services) -> ArtifactStore | None:
    address = services.config.warehouse.checkpoints
    return ArtifactStore(address) if address else None
