"""A model version's row: made once, and verified each time before anything of it is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, insert, select

from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.registry.training import Golden, ModelVersion, Training
from kronkers_batch.store import clock
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.vault.context import Context, DataKey, Kind, Signature
from kronkers_batch.vault.manifest import (
    ChunkEntry,
    Manifest,
    check_chunk,
    digest,
    open_manifest,
    seal_manifest,
)
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    pass

FORMAT = 1
RESTORE = "Do not use this version; restore the database and the artifacts from a backup."
_ARTIFACT, _GOLDEN = 0, 1  # numbers of a version's two entries in its manifest
VersionRow = Row[tuple[Any, ...]]


@dataclass(frozen=True)
class Draft:
    """A version whose sealed artifact is stored, and which has no number yet."""

    id: str
    data_key: DataKey
    record_key: DataKey
    artifact: ChunkEntry


def artifact_path(department: str, model: str, version_id: str) -> str:
    """Where a version's sealed artifact lies in the artifact store."""
    return f"artifacts/{department}/{model}/{version_id}"


def artifact_context(training: Training, version_id: str) -> Context:
    """What the artifact is bound to."""
    return Context(Kind.ARTIFACT, training.department, training.model, version_id, _ARTIFACT)


def insert_version(conn: Connection, vault: Vault, draft: Draft, training: Training) -> VersionRow:
    """Gives the version its number, signs its manifest and stores it; in a write transaction."""
    table, model = model_versions.c, training.model
    serialise(conn, f"model_versions:{model}")
    last = conn.execute(select(func.max(table.number)).where(table.model == model)).scalar()
    number, created = (last or 0) + 1, clock.now()
    golden = vault.seal(
        draft.data_key, _golden_context(training.department, model, draft.id), training.golden.raw
    )
    manifest = Manifest(
        kind=Kind.ARTIFACT,
        department=training.department,
        name=model,
        version_id=draft.id,
        created=created,
        chunks=(draft.artifact, ChunkEntry(_GOLDEN, training.golden.rows.height, digest(golden))),
        schema=training.features,
        lineage={"snapshot": training.snapshot_id, "run": training.run_id},
        extra={"format": FORMAT, "number": number, "training": training.to_json()},
    )
    sealed, signature = seal_manifest(vault, draft.record_key, manifest)
    conn.execute(
        insert(model_versions).values(
            id=draft.id,
            model=model,
            department=training.department,
            number=number,
            logical_date=training.logical_date.isoformat(),
            fingerprint=training.fingerprint,
            definition=training.definition_fingerprint,
            state="ready",
            created=created,
            snapshot_id=training.snapshot_id,
            key_id=draft.data_key.id,
            record_key_id=draft.record_key.id,
            manifest=sealed,
            golden=golden,
            signer=signature.principal,
            signer_key=signature.key_id,
            signature=signature.value,
        )
    )
    return conn.execute(select(model_versions).where(table.id == draft.id)).one()


def open_version(conn: Connection, vault: Vault, row: VersionRow, *, golden: bool) -> ModelVersion:
    """Verifies and opens one version.

    Args:
        conn: The transaction in which ``row`` was read.
        vault: Opens and verifies.
        row: The version's row.
        golden: Whether to open the golden rows too, where the caller may read data.

    Raises IntegrityError where anything does not fit, AccessRefused without a grant.
    """
    manifest = verified(conn, vault, row)
    rows = _golden(conn, vault, row, manifest) if golden else Golden()
    training = Training.from_json(
        row.model, row.department, manifest.extra["training"], manifest.schema, rows
    )
    _compare(row, training)
    return ModelVersion(row.id, row.model, row.number, row.created, row.signer, training)


def verified(conn: Connection, vault: Vault, row: VersionRow) -> Manifest:
    """The version's manifest: signature first, then digest and context, then what the row claims."""
    key = vault.data_key(conn, row.record_key_id)
    signature = Signature(row.signer, row.signer_key, row.signature)
    manifest = open_manifest(
        vault, conn, key, Kind.ARTIFACT, row.department, row.model, row.id, row.manifest, signature
    )
    if manifest.extra.get("format") != FORMAT:
        raise _unfit(row, "has a format that this program does not know")
    if (manifest.extra["number"], manifest.created) != (row.number, row.created):
        raise _unfit(row, "is not what its signed manifest says")
    return manifest


def artifact_entry(manifest: Manifest, row: VersionRow) -> ChunkEntry:
    """What the manifest says of the artifact."""
    return _entry(manifest, row, _ARTIFACT)


def _entry(manifest: Manifest, row: VersionRow, number: int) -> ChunkEntry:
    for entry in manifest.chunks:
        if entry.number == number:
            return entry
    raise _unfit(row, "lacks one of its parts in the database")


def _golden(conn: Connection, vault: Vault, row: VersionRow, manifest: Manifest) -> Golden:
    try:
        key = vault.data_key(conn, row.key_id)
    except AccessRefused:
        return Golden()  # a viewer sees metrics and reasons, and no rows
    check_chunk(_entry(manifest, row, _GOLDEN), row.golden)
    return Golden(vault.unseal(key, _golden_context(row.department, row.model, row.id), row.golden))


def _compare(row: VersionRow, training: Training) -> None:
    signed = (
        training.logical_date.isoformat(),
        training.fingerprint,
        training.definition_fingerprint,
    )
    # What the column says keeps a snapshot; a version of an older release has none until somebody looks.
    trained_on = training.snapshot_id if row.snapshot_id is None else row.snapshot_id
    if signed != (row.logical_date, row.fingerprint, row.definition) or trained_on != training.snapshot_id:
        raise _unfit(row, "is not what its signed manifest says")


def ledger_details(training: Training) -> dict[str, Any]:
    """What the ledger keeps of a training: why, of what, and how good."""
    return {
        "why": training.why,
        "definition": training.definition_fingerprint,
        "snapshot": training.fingerprints.get("snapshot", ""),
        # JSON in the ledger has no NaN.
        "metrics": {name: v if math.isfinite(v) else str(v) for name, v in training.metrics.items()},
        "missed": list(training.verdict),
        "overrides": list(training.overrides),
    }


def _golden_context(department: str, model: str, version_id: str) -> Context:
    return Context(Kind.ARTIFACT, department, model, version_id, _GOLDEN, schema="golden rows")


def _unfit(row: VersionRow, what: str) -> IntegrityError:
    return IntegrityError(f"the model version {what}", where=f"{row.model}@{row.number}", fix=RESTORE)
