"""Ingest: read one window of one source, check it, and freeze it as an encrypted snapshot."""

from __future__ import annotations

from functools import partial

from kronkers_batch.config.spec import InputRef
from kronkers_batch.data.identity import identity
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.data.window import Window
from kronkers_batch.steps.permits import permit_ref
from kronkers_batch.steps.services import Services
from kronkers_batch.steps.sources import head_ids, read_output, source_of


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
    source = source_of(services, ref)
    executor = services.config.executor
    return services.snapshots.ingest(
        source,
        window,
        source_identity(services, ref, window),
        partial(read_output, services),
        sources=services.config.sources,
        chunk_rows=executor.chunk_rows,
        piece_rows=executor.piece_rows,
        progress=partial(services.progress, f"ingest {source.name}"),
    )
