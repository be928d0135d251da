"""Signed checkpoints: the ledger's head, kept outside the database, so that an older one put back shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.ledger.ledger import Head, Keys
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.ledger import ledger as table

FORMATS = ("kronkers-batch checkpoint 1", "kronkers-batch checkpoint 2")
"""The first had no counts."""

_LIMIT = 64 * 1024
_LOOKED_AT = 50
"""How many checkpoints of others are passed over in search of the caller's own."""


@dataclass(frozen=True)
class Checkpoint:
    """The ledger's head at a moment, how many rows there were of what it tells, and who says so.

    ``counts`` is None in a checkpoint that an older version of this program wrote.
    """

    warehouse: str
    seq: int
    hash: bytes
    at: int
    signer: str
    signature: bytes
    counts: Mapping[str, int] | None = None

    @property
    def head(self) -> Head | None:
        """The ledger's head; None where there was no entry."""
        return Head(self.seq, self.hash) if self.seq else None

    @property
    def format(self) -> str:
        """The label of its format."""
        return FORMATS[0] if self.counts is None else FORMATS[1]

    def payload(self) -> bytes:
        """What is signed."""
        counts = [f"{name}={count}" for name, count in sorted((self.counts or {}).items())]
        return encode(self.format, self.warehouse, self.seq, self.hash, self.at, self.signer, *counts)

    def to_bytes(self) -> bytes:
        """One JSON object."""
        value: dict[str, object] = {
            "format": self.format,
            "warehouse": self.warehouse,
            "seq": self.seq,
            "hash": self.hash.hex(),
            "at": self.at,
            "signer": self.signer,
            "signature": base64.b64encode(self.signature).decode("ascii"),
        }
        if self.counts is not None:
            value["counts"] = dict(sorted(self.counts.items()))
        return json.dumps(value, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes, where: str) -> Checkpoint:
        """The inverse. Raises IntegrityError."""
        try:
            value = json.loads(raw)
            counts = value.get("counts")
            found = cls(
                str(value["warehouse"]),
                int(value["seq"]),
                bytes.fromhex(value["hash"]),
                int(value["at"]),
                str(value["signer"]),
                base64.b64decode(value["signature"], validate=True),
                None if counts is None else {str(name): int(count) for name, count in counts.items()},
            )
            if found.to_bytes() != raw:
                raise ValueError("not the one spelling")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            raise _damaged(where) from None
        return found


def write(keys: Keys, store: ArtifactStore, head: Head, counts: Mapping[str, int]) -> Checkpoint:
    """Writes a checkpoint of what the caller has verified. Raises StoreError."""
    unsigned = Checkpoint(keys.warehouse, head.seq, head.hash, clock.now(), keys.signer, b"", counts)
    _, signature = keys.sign(unsigned.payload())
    done = replace(unsigned, signature=signature)
    store.write(_path(done), done.to_bytes())
    return done


def verify(db: Database, keys: Keys, store: ArtifactStore) -> int:
    """Compares every checkpoint with the database; returns how many there are.

    Raises:
        IntegrityError: The database is older than a checkpoint, or has another history; or a checkpoint is
            not signed. StoreError: the checkpoints cannot be read.
    """
    paths = store.list(_folder(keys))
    with db.read() as conn:
        for path in paths:
            _compare(conn, keys, store, path)
    return len(paths)


def newest(db: Database, keys: Keys, store: ArtifactStore) -> Checkpoint | None:
    """The newest checkpoint, compared with the database; None without any. Raises as :func:`verify`."""
    paths = store.list(_folder(keys))
    if not paths:
        return None
    with db.read() as conn:
        return _compare(conn, keys, store, paths[-1])


def own(conn: Connection, keys: Keys, store: ArtifactStore) -> Checkpoint | None:
    """The newest one that the caller signed: up to there they have verified everything themselves.

    Whoever has a key and can write to the checkpoints' address could sign one of what they forged. None where
    there is none among the newest. Raises as :func:`verify`.
    """
    for path in reversed(store.list(_folder(keys))[-_LOOKED_AT:]):
        point = _compare(conn, keys, store, path)
        if point.signer == keys.signer:
            return point
    return None


def _compare(conn: Connection, keys: Keys, store: ArtifactStore, path: str) -> Checkpoint:
    point = Checkpoint.from_bytes(store.read(path, _LIMIT), path)
    found = conn.execute(select(table.c.hash).where(table.c.seq == point.seq)).scalar()
    # First: an older database may not know yet who signed the checkpoint.
    if point.seq and found is None and point.warehouse == keys.warehouse:
        raise _older(f"lacks entry {point.seq} of the ledger, which a checkpoint has", path)
    # By its name too: an older one under the name of a newer would hide the newest.
    fits = point.warehouse == keys.warehouse and path == _path(point)
    if not fits or not keys.check(conn, point.signer, point.payload(), point.signature):
        raise _damaged(path)
    if point.seq and found != point.hash:
        raise _older(f"has another entry {point.seq} in the ledger than a checkpoint", path)
    return point


def _folder(keys: Keys) -> str:
    return f"ledger/{keys.warehouse}"


def _path(point: Checkpoint) -> str:
    return f"ledger/{point.warehouse}/{point.seq:012d}-{point.at}.json"


def _older(how: str, where: str) -> IntegrityError:
    return IntegrityError(
        f"the database {how}",
        where=where,
        fix="An older database was put in its place, or it was rewritten. Restore the newest backup.",
    )


def _damaged(where: str) -> IntegrityError:
    return IntegrityError(
        "a checkpoint of the ledger was changed, or is not signed by anybody known",
        where=where,
        fix="Find out who can write to the checkpoints' address.",
    )


__all__ = ["Checkpoint", "Head", "newest", "own", "verify", "write"]
