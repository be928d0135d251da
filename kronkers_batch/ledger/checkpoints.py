"""Signed checkpoints: the ledger's head, kept outside the database, so that an older one put back shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.ledger.ledger import Head, Keys
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.ledger import ledger as table

FORMATS = tuple(f"kronkers-batch checkpoint {number}" for number in (1, 2, 3, 4))
"""The first had no counts, the second no versions of keys, the third nothing of people."""

_LIMIT = 256 * 1024
_ROOT = "ledger"
_LOOKED_AT = 50
"""How many checkpoints of others are passed over in search of the caller's own."""


@dataclass(frozen=True)
class Checkpoint:
    """The ledger's head at a time, how many rows there were of what it tells, and who says so.

    ``counts`` is None where whoever signed it had not verified what the ledger tells. ``keys`` are the
    versions of the keys in use by scope; None in a checkpoint that an older version of this program wrote.
    ``people`` is a digest (hex) of the lines about people so far, from who verified them; empty from others.
    """

    warehouse: str
    seq: int
    hash: bytes
    at: int
    signer: str
    signature: bytes
    counts: Mapping[str, int] | None = None
    keys: Mapping[str, int] | None = None
    people: str = ""

    @property
    def head(self) -> Head | None:
        """The ledger's head; None where there was no entry."""
        return Head(self.seq, self.hash) if self.seq else None

    @property
    def format(self) -> str:
        """The label of its format."""
        if self.people:
            return FORMATS[3]
        if self.keys is not None:
            return FORMATS[2]
        return FORMATS[0] if self.counts is None else FORMATS[1]

    def payload(self) -> bytes:
        """What is signed."""
        counts, keys = _fields(self.counts or {}), _fields(self.keys or {})
        if self.keys is not None:
            counts = ["" if self.counts is None else str(len(counts)), *counts]
        head = (self.format, self.warehouse, self.seq, self.hash, self.at, self.signer)
        people = [self.people] if self.people else []
        return encode(*head, *counts, *keys, *people)

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
        if self.keys is not None:
            value["keys"] = dict(sorted(self.keys.items()))
        if self.people:
            value["people"] = self.people
        return json.dumps(value, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes, where: str) -> Checkpoint:
        """The inverse. Raises IntegrityError."""
        try:
            value = json.loads(raw)
            found = cls(
                str(value["warehouse"]),
                int(value["seq"]),
                bytes.fromhex(value["hash"]),
                int(value["at"]),
                str(value["signer"]),
                base64.b64decode(value["signature"], validate=True),
                _numbers(value.get("counts")),
                _numbers(value.get("keys")),
                str(value.get("people", "")),
            )
            if found.to_bytes() != raw:
                raise ValueError("not the one spelling")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            raise _damaged(where) from None
        return found


def write(
    keys: Keys,
    store: ArtifactStore,
    head: Head,
    counts: Mapping[str, int] | None,
    versions: Mapping[str, int],
    people: str = "",
) -> Checkpoint:
    """Writes a checkpoint of what the caller has verified, or (without counts) met. Raises StoreError."""
    unsigned = Checkpoint(
        keys.warehouse, head.seq, head.hash, clock.now(), keys.signer, b"", counts, versions, people
    )
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


def newest(conn: Connection, keys: Keys, store: ArtifactStore, most: int = _LOOKED_AT) -> list[Checkpoint]:
    """The newest checkpoints, newest first, to the first of :func:`own`; each compared with the database.

    Looks at ``most`` of them. Raises as :func:`verify`.
    """
    found: list[Checkpoint] = []
    for path in reversed(store.list(_folder(keys))[-most:]):
        found.append(_compare(conn, keys, store, path))
        if is_own(found[-1], keys):
            break
    return found


def own(conn: Connection, keys: Keys, store: ArtifactStore) -> Checkpoint | None:
    """The newest one that the caller signed: up to there they have verified everything themselves.

    Whoever has a key and can write to the checkpoints' address could sign one of what they forged. None where
    there is none among the newest. Raises as :func:`verify`.
    """
    return next((point for point in newest(conn, keys, store) if is_own(point, keys)), None)


def is_own(point: Checkpoint, keys: Keys) -> bool:
    """Whether the caller signed it, and not by a command that wrote of what it met."""
    return point.signer == keys.signer and (point.counts is not None or point.keys is None)


def warehouses(store: ArtifactStore) -> list[str]:
    """The ids of the warehouses that have checkpoints here. Raises StoreError."""
    return sorted({path.split("/")[1] for path in store.list(_ROOT) if path.count("/") > 1})


def _fields(numbers: Mapping[str, int]) -> list[str]:
    return [f"{name}={number}" for name, number in sorted(numbers.items())]


def _numbers(value: Any) -> dict[str, int] | None:
    return None if value is None else {str(name): int(number) for name, number in value.items()}


def _compare(conn: Connection, keys: Keys, store: ArtifactStore, path: str) -> Checkpoint:
    point = Checkpoint.from_bytes(store.read(path, _LIMIT), path)
    found = conn.execute(select(table.c.hash).where(table.c.seq == point.seq)).scalar()
    # First: an older database may not know yet who signed the checkpoint.
    if point.seq and found is None and point.warehouse == keys.warehouse:
        raise _older(f"lacks entry {point.seq} of the ledger, which a checkpoint names", path)
    # By its name too: an older one under the name of a newer would hide the newest.
    fits = point.warehouse == keys.warehouse and path == _path(point)
    if not fits or not keys.check(conn, point.signer, point.payload(), point.signature):
        raise _damaged(path)
    if point.seq and found != point.hash:
        raise _older(f"has another entry {point.seq} in the ledger than the checkpoint names", path)
    return point


def _folder(keys: Keys) -> str:
    return f"{_ROOT}/{keys.warehouse}"


def _path(point: Checkpoint) -> str:
    return f"{_ROOT}/{point.warehouse}/{point.seq:012d}-{point.at}.json"


def _older(how: str, where: str) -> IntegrityError:
    return IntegrityError(
        f"the database {how}",
        where=where,
        fix="Somebody replaced the database by an older one, or rewrote it. Restore the newest backup.",
    )


def _damaged(where: str) -> IntegrityError:
    return IntegrityError(
        "somebody changed a checkpoint of the ledger, or its signer is unknown",
        where=where,
        fix="Restore it from a backup, and find out who can write to warehouse.checkpoints.",
    )


__all__ = ["Checkpoint", "Head", "is_own", "newest", "own", "verify", "write"]
