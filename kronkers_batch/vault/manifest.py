"""The manifest of a version: every chunk's digest and rows, the schema and the lineage; sealed and signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blake3 import blake3
from sqlalchemy import Connection

from kronkers_batch.errors import IntegrityError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.store.canonical import encode, sealed_object
from kronkers_batch.vault.context import Context, DataKey, Kind, Signature
from kronkers_batch.vault.sealing import RESTORE
from kronkers_batch.vault.vault import Vault

if TYPE_CHECKING:
    from typing_extensions import Buffer

FORMAT = "kronkers-batch manifest 1"


@dataclass(frozen=True)
class ChunkEntry:
    """One chunk: its number, its rows, the digest (hex) of its ciphertext, the digest of its schema.

    ``size`` is how many bytes the ciphertext has, where it is a file; 0 where nobody said it.
    """

    number: int
    rows: int
    digest: str
    schema: str = ""
    size: int = 0

    @property
    def limit(self) -> int | None:
        """How much of the file is to be read: who can write to the store could let it have no end."""
        return self.size or None

    def to_json(self) -> list[object]:
        """As the manifest has it."""
        return [self.number, self.rows, self.digest, self.schema, *([self.size] if self.size else [])]


@dataclass(frozen=True)
class Manifest:
    """What a version consists of and what it was made from.

    ``kind`` is what it lists (snapshot, artifact, output); ``created`` microseconds since the epoch;
    ``lineage`` and ``extra`` JSON values.
    """

    kind: Kind
    department: str
    name: str
    version_id: str
    created: int
    chunks: tuple[ChunkEntry, ...]
    schema: Schema
    lineage: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all chunks."""
        return sum(chunk.rows for chunk in self.chunks)

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, ASCII. Raises ValueError on NaN or infinity."""
        value = {
            "format": FORMAT,
            "kind": str(self.kind),
            "department": self.department,
            "name": self.name,
            "version_id": self.version_id,
            "created": self.created,
            "pieces": [chunk.to_json() for chunk in self.chunks],
            "schema": self.schema.to_json(),
            "lineage": self.lineage,
            "extra": self.extra,
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Manifest:
        """The inverse of :meth:`to_bytes`. Raises IntegrityError."""
        try:
            value = sealed_object(raw) or {}
            if value["format"] != FORMAT:
                raise ValueError("format")
            return cls(
                Kind(value["kind"]),
                value["department"],
                value["name"],
                value["version_id"],
                int(value["created"]),
                tuple(
                    ChunkEntry(int(n), int(r), str(d), str(s), *(int(size) for size in z[:1]))
                    for n, r, d, s, *z in value["pieces"]
                ),
                Schema.from_json(value["schema"]),
                value["lineage"],
                value["extra"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "a manifest has an unknown format",
                fix="Upgrade this installation. If it is current: " + RESTORE,
            ) from error


def digest(*parts: Buffer) -> str:
    """BLAKE3 (256 bits, hex) of bytes as a manifest lists them; whole, or in parts that follow each other."""
    running = blake3()
    for part in parts:
        running.update(part)
    return running.hexdigest()


def seal_manifest(vault: Vault, key: DataKey, manifest: Manifest) -> tuple[bytes, Signature]:
    """The manifest's ciphertext, and the caller's signature over it in its context."""
    context = _context(manifest.kind, manifest.department, manifest.name, manifest.version_id)
    blob = vault.seal(key, context, manifest.to_bytes())
    return blob, vault.sign(context, blob)


def open_manifest(
    vault: Vault,
    conn: Connection,
    key: DataKey,
    kind: Kind,
    department: str,
    name: str,
    version_id: str,
    blob: bytes,
    signature: Signature,
) -> Manifest:
    """Verifies the signature, then unseals, then parses.

    Args:
        vault: The caller's vault.
        conn: Any transaction; the signer is looked up in it.
        key: The version's data key.
        kind: What the manifest is expected to list.
        department: Expected department.
        name: Expected name of the source or model.
        version_id: Expected version.
        blob: The ciphertext.
        signature: As returned by :func:`seal_manifest`.

    Raises:
        IntegrityError: Anything does not fit, or it is another version's manifest.
    """
    context = _context(kind, department, name, version_id)
    vault.verify(conn, context, blob, signature)
    # A large output's manifest takes milliseconds to parse; the same bytes under the same key say the same.
    name_of = hashlib.sha256(encode("kronkers-batch opened 1", key.key, context.encode(), blob)).digest()
    manifest = vault.manifests.get(name_of)
    if not isinstance(manifest, Manifest):
        manifest = Manifest.from_bytes(vault.unseal(key, context, blob))
        vault.manifests.put(name_of, manifest)
    said = (manifest.kind, manifest.department, manifest.name, manifest.version_id)
    if said != (kind, department, name, version_id):
        raise IntegrityError(
            "somebody exchanged a manifest: it describes another version", where=str(context), fix=RESTORE
        )
    return manifest


def check_chunk(entry: ChunkEntry, blob: Buffer) -> None:
    """Compares a chunk's ciphertext with the manifest, before it is decrypted. Raises IntegrityError."""
    if digest(blob) != entry.digest:
        raise IntegrityError(
            "a chunk differs from the one that its manifest lists", where=f"chunk {entry.number}", fix=RESTORE
        )


def _context(kind: Kind, department: str, name: str, version_id: str) -> Context:
    return Context(Kind.MANIFEST, department, name, version_id, schema=str(kind))
