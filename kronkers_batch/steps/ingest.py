"""Ingest: read one window of one source, check it, and freeze it as an encrypted snapshot."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from kronkers_batch.config.spec import InputRef
from kronkers_batch.data.identity import identity
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.data.window import Window
from kronkers_batch.steps.permits import permit_ref
from kronkers_batch.steps.rights import held
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import head_ids, read_output, source_of
from kronkers_batch.vault import rights
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.notes import note


def source_identity(services: Services, ref: InputRef, window: Window) -> str:
    """What tells whether a source's rows in a window changed; cheap to ask, no rows are read.

    Raises AccessRefused where signed definitions are asked for and no model with one reads this.
    """
    permit_ref(services, ref)
    return identity(
        source_of(services, ref), window, sources=services.config.sources, heads=partial(head_ids, services)
    )


def find(services: Services, ref: InputRef, window: Window) -> SnapshotRef | None:
    """The snapshot of this window, if the source has not changed since."""
    source = source_of(services, ref)
    return services.snapshots.find(source.name, window, source_identity(services, ref, window))


def ingest(services: Services, ref: InputRef, window: Window) -> SnapshotRef:
    """Freeze a window of a source, or find it frozen. Raises SourceError and CheckFailed."""
    found = find(services, ref, window)
    if found is not None:
        return found
    source = replace(source_of(services, ref), department=owner(services, ref))
    executor = services.config.executor
    snapshot = services.snapshots.ingest(
        source,
        window,
        source_identity(services, ref, window),
        partial(read_output, services, purpose=source.name),
        sources=services.config.sources,
        chunk_rows=executor.chunk_rows,
        piece_rows=executor.piece_rows,
        progress=partial(services.progress, f"ingest {source.name}"),
    )
    with services.db.write() as connection:
        told = {"rows": snapshot.rows, "snapshot": snapshot.fingerprint, "window": str(window)}
        scope = Scope(snapshot.department)
        note(services.ledger, connection, services.vault, "freeze", source.name, scope, told)
    return snapshot


def owner(services: Services, ref: InputRef) -> str:
    """The department under whose key the caller freezes a source: its own, where the caller may write there.

    Else one whose model reads it (the source is shared with it, or is an output that it may read): whoever
    runs that one needs no key of the department that declares the source.
    """
    own = source_of(services, ref).department
    readers = [model.department for model in services.config.models.values() if model.source == ref]
    mine = held(services)
    may = (d for d in (own, *readers) if rights.covers(mine, Scope(d), rights.DEEDS["freeze"]))
    return next(may, own)
