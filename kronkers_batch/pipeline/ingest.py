"""Ingest: read one window of one source, check it, and freeze it as an encrypted snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from kronkers_batch.access.rights import held
from kronkers_batch.audit.occasion import Occasion
from kronkers_batch.config.spec import InputRef, ModelSpec
from kronkers_batch.data.snapshots import SnapshotRef, Wanted
from kronkers_batch.data.source_identity import stated
from kronkers_batch.data.stated import Stated
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import head_ids, read_output, source_of
from kronkers_batch.events.types import Kind
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    from kronkers_batch.data.checks import CheckResult
    from kronkers_batch.data.freezing import Frozen


def source_identity(services: Services, ref: InputRef, window: Window) -> str:
    """What tells whether a source's rows in a window changed; cheap to ask, no rows are read.

    Raises AccessRefused where signed definitions are asked for and no model with one reads this.
    """
    return state(services, ref, window).digest(partial(head_ids, services))


def state(services: Services, ref: InputRef, window: Window) -> Stated:
    """As :func:`source_identity`, without the outputs that it reads."""
    services.run.permissions.require_input(ref)
    source = source_of(services, ref)
    return stated(source, window, sources=services.config.sources, places=services.places)


def find(
    services: Services, ref: InputRef, window: Window, under: Scope, identity: str
) -> SnapshotRef | None:
    """The snapshot of this window of a source with this identity, of those that are believed."""
    name, known = source_of(services, ref).name, services.run.frozen
    key = (name, str(window), str(under), identity)
    if key not in known:
        found = services.snapshots.find(name, window, identity, believed(services, ref, under))
        return None if found is None else _known(services, found, under)
    return known[key]


def ingest(services: Services, model: ModelSpec, window: Window) -> SnapshotRef:
    """Freeze a window of what a model reads, or find it frozen. Raises as :func:`freeze`."""
    return freeze(services, model.source, window, owner(services, model))[1]


def freeze(
    services: Services, ref: InputRef, window: Window, under: Scope, occasion: Occasion | None = None
) -> tuple[str, SnapshotRef]:
    """Freeze a window of a source, or find it frozen; gives the source's identity too.

    Args:
        services: The opened system.
        ref: What is read.
        window: Which rows.
        under: Whose key, as :func:`owner` says.
        occasion: Writes its event; None where a step freezes what it did not expect to.

    Raises SourceError, CheckFailed, AccessRefused, StoreError.
    """
    identity = source_identity(services, ref, window)
    source, executor = source_of(services, ref), services.config.executor
    wanted = Wanted(source.name, window, identity, tuple(believed(services, ref, under)))
    found, lost = services.snapshots.look(wanted)
    if found is not None:
        return identity, _known(services, found, under)
    occasion = occasion or Occasion(services, source.name, str(under), "ingest")
    frozen = services.snapshots.ingest(
        source,
        window,
        identity,
        partial(read_output, services, purpose=source.name),
        scope=under,
        sources=services.config.sources,
        places=services.places,
        chunk_rows=executor.chunk_rows,
        piece_rows=executor.piece_rows,
        progress=partial(services.progress, f"ingest {source.name}"),
        add_entry=partial(_add_frozen, services, source.name, under),
        lost=lost.get(under, ""),
        event=partial(_write_event, occasion),
    )
    return identity, _known(services, frozen, under)


def _known(services: Services, found: SnapshotRef, under: Scope) -> SnapshotRef:
    services.run.frozen[found.source, str(found.window), str(under), found.identity] = found
    return found


def in_words(rows: int, results: Iterable[CheckResult]) -> str:
    """One line on what was frozen: how many rows, and which checks warned or dropped some."""
    warned = [r.message() for r in results if r.verdict in ("warned", "dropped")]
    return "; ".join([f"{rows:,} rows", *warned])


def _write_event(occasion: Occasion, connection: Connection, snapshot_id: str, frozen: Frozen) -> None:
    rows = sum(chunk.rows for chunk in frozen.chunks)
    occasion.tell(connection, Kind.INGESTED, "done", in_words(rows, frozen.results), snapshot_id)


def _add_frozen(
    services: Services, name: str, scope: Scope, connection: Connection, details: Mapping[str, Any]
) -> None:
    add_entry(services.ledger, connection, services.vault, "freeze", name, scope, details)


def owner(services: Services, model: ModelSpec) -> Scope:
    """Under whose key the caller freezes what a model reads: the widest on which the caller is operator.

    The department that declares the source, so that models share what is frozen; else the model's own
    department (the source is shared with it, or is an output that it may read); else the model alone.
    """
    own = Scope(source_of(services, model.source).department)
    mine = held(services)
    scopes = (own, Scope(model.department), Scope(model.department, model.name))
    return next(
        (scope for scope in scopes if permissions.covers(mine, scope, permissions.STORE_ACTIONS["freeze"])),
        own,
    )


def believed(services: Services, ref: InputRef, under: Scope) -> list[Scope]:
    """Whose snapshots of a source are believed by who freezes under this scope.

    Those of the department that declares the source, and of the reading model's; a model's own only by that
    model, and never those of another department that reads the source too.
    """
    own = Scope(source_of(services, ref).department)
    return list(dict.fromkeys((own, Scope(under.department), under)))
