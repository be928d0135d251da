"""What a ciphertext is bound to, and the small objects that pass between the vault and other rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kronkers_batch.store.canonical import encode


class Kind(StrEnum):
    """What a data key or a ciphertext is for."""

    SNAPSHOT = "snapshot"
    ARTIFACT = "artifact"
    OUTPUT = "output"
    MANIFEST = "manifest"
    FILTER = "filter"
    FOUND = "found"  # what an error found in the data: for readers
    RECORD = "record"  # metrics, reasons, names, messages: what a viewer may see


class Role(StrEnum):
    """What a grant lets its holder do, each with all that the ones before it may."""

    VIEWER = "viewer"  # sees records: versions, metrics, reasons
    READER = "reader"  # reads data, outputs and artifacts
    OPERATOR = "operator"  # runs: writes snapshots, versions and outputs
    APPROVER = "approver"  # promotes and rolls back
    ADMIN = "admin"  # grants, revokes, rotates, shreds

    def covers(self, other: Role) -> bool:
        """Whether this role may do what ``other`` may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = (Role.VIEWER, Role.READER, Role.OPERATOR, Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True)
class Scope:
    """Whose key wraps: a department's, or one model's. ``model`` is empty for the whole department."""

    department: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.department}/{self.model}" if self.model else self.department


def scope_of(text: str) -> Scope:
    """The inverse of a scope's text."""
    department, _, model = text.partition("/")
    return Scope(department, model)


@dataclass(frozen=True)
class Context:
    """Bound into every ciphertext and signature: what is sealed opens nowhere else.

    ``chunk`` is the chunk's number, ``rows`` its number of rows, ``schema`` the digest of its schema. In a
    manifest's context ``schema`` holds the kind of what the manifest lists, and in that of a snapshot
    ``department`` the text of the scope that it is frozen under, ``name`` the source.
    """

    kind: Kind
    department: str
    name: str
    version_id: str
    chunk: int = 0
    rows: int = 0
    schema: str = ""

    @property
    def owner(self) -> Scope:
        """Whose operators' signatures count: the model's; of a snapshot, those of what it is frozen under."""
        if self.kind is Kind.MANIFEST and self.schema == Kind.SNAPSHOT:
            return scope_of(self.department)
        return Scope(self.department, self.name)

    def encode(self) -> bytes:
        """The bytes that enter ciphertext and signature; pinned by a test vector."""
        return encode(
            "kronkers-batch context 1",
            str(self.kind),
            self.department,
            self.name,
            self.version_id,
            self.chunk,
            self.rows,
            self.schema,
        )

    def __str__(self) -> str:
        chunk = f" chunk {self.chunk}" if self.chunk else ""
        return f"{self.kind} {self.department}/{self.name} {self.version_id}{chunk}"


@dataclass(frozen=True)
class DataKey:
    """The key of one version's data. ``id`` is stored beside the data; the key itself never shows."""

    id: str
    scope: Scope
    kind: Kind
    version_id: str
    key: bytes = field(repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a key is not pickled")


@dataclass(frozen=True)
class Signature:
    """An Ed25519 signature.

    ``principal`` is the signer's name, compared with the certified one; ``key_id`` names the public key to
    verify with.
    """

    principal: str
    key_id: str
    value: bytes
