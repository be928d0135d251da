"""Whether every version in the database is the one that the ledger recorded when it was made.

Whoever may make versions could exchange an older one for another, well sealed and signed. The ledger's line
about its making holds the digest of its manifest, and that of the ledger lies in the checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.steps.services import Services
from kronkers_batch.store.tables.outputs import output_versions
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.vault.manifest import digest

_MAKING = frozenset({"record", "publish", "hold"})
_FIX = "Do not use it: restore the database from a backup, and see who could write to it."


def verify(services: Services) -> int:
    """Compares every finished version with the ledger; returns how many could be compared.

    Of those whose details the caller may not see, only that they were recorded. Raises IntegrityError.
    """
    with services.db.read() as connection:
        said = _said(services, connection)
        count = 0
        for ref, manifest in _stored(connection):
            if ref not in said:
                raise IntegrityError("no line of the ledger says that it was made", where=ref, fix=_FIX)
            number, recorded = said[ref]
            if recorded is None:
                continue
            if digest(manifest) != recorded:
                raise IntegrityError(
                    f"it is not the version that entry {number} of the ledger recorded", where=ref, fix=_FIX
                )
            count += 1
    return count


def _said(services: Services, connection: Connection) -> dict[str, tuple[int, str | None]]:
    """The entry about each version's making, and its manifest's digest. A later line counts for nothing."""
    found: dict[str, tuple[int, str | None]] = {}
    for entry in services.ledger.entries(connection):
        if entry.action in _MAKING and entry.subject not in found:
            told = entry.details.get("manifest", "") if entry.details is not None else None
            found[entry.subject] = entry.seq, told
    return found


def _stored(connection: Connection) -> Iterator[tuple[str, bytes]]:
    o, m = output_versions.c, model_versions.c
    outputs = select(o.model, o.logical_date, o.number, o.manifest).where(o.state == "finished")
    for output in connection.execute(outputs.order_by(o.created)):
        yield f"{output.model}/{output.logical_date}#{output.number}", output.manifest or b""
    versions = select(m.model, m.number, m.manifest).where(m.state == "ready")
    for version in connection.execute(versions.order_by(m.created)):
        yield f"{version.model}@{version.number}", version.manifest
