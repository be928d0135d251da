"""Signed checkpoints: the ledger's head, kept outside the database, so that an older one put back shows."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.ledger.ledger import Head, Keys, Ledger
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.ledger import ledger as table

FORMAT = "kronkers-batch checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """The ledger's head at a moment, and who says so."""

    warehouse: str
    seq: int
    hash: bytes
    at: int
    signer: str
    signature: bytes

    def payload(self) -> bytes:
        """What is signed."""
        return encode(FORMAT, self.warehouse, self.seq, self.hash, self.at, self.signer)

    def to_bytes(self) -> bytes:
        """One JSON object."""
        value = {
            "format": FORMAT,
            "warehouse": self.warehouse,
            "seq": self.seq,
            "hash": self.hash.hex(),
            "at": self.at,
            "signer": self.signer,
            "signature": base64.b64encode(self.signature).decode("ascii"),
        }
        return json.dumps(value, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes, where: str) -> Checkpoint:
        """The inverse. Raises IntegrityError."""
        try:
            value = json.loads(raw)
            if value["format"] != FORMAT:
                raise ValueError("format")
            found = cls(
                str(value["warehouse"]),
                int(value["seq"]),
                bytes.fromhex(value["hash"]),
                int(value["at"]),
                str(value["signer"]),
                base64.b64decode(value["signature"], validate=True),
            )
            if found.to_bytes() != raw:
                raise ValueError("not the one spelling")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _damaged(where) from None
        return found


def write(db: Database, ledger: Ledger, keys: Keys, store: ArtifactStore) -> Checkpoint:
    """Verifies what the ledger gained since the newest checkpoint, and writes one of its head.

    Raises IntegrityError, StoreError.
    """
    last = newest(db, keys, store)
    head, at = ledger.verify(Head(last.seq, last.hash) if last and last.seq else None), clock.now()
    unsigned = Checkpoint(keys.warehouse, head.seq, head.hash, at, keys.signer, b"")
    _, signature = keys.sign(unsigned.payload())
    done = Checkpoint(keys.warehouse, head.seq, head.hash, at, keys.signer, signature)
    store.write(f"{_folder(keys)}/{head.seq:012d}-{at}.json", done.to_bytes())
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


def _compare(conn: Connection, keys: Keys, store: ArtifactStore, path: str) -> Checkpoint:
    point = Checkpoint.from_bytes(store.read(path), path)
    found = conn.execute(select(table.c.hash).where(table.c.seq == point.seq)).scalar()
    # First: an older database may not know yet who signed the checkpoint.
    if point.seq and found is None and point.warehouse == keys.warehouse:
        raise _older(f"lacks entry {point.seq} of the ledger, which a checkpoint has", path)
    if point.warehouse != keys.warehouse or not keys.check(
        conn, point.signer, point.payload(), point.signature
    ):
        raise _damaged(path)
    if point.seq and found != point.hash:
        raise _older(f"has another entry {point.seq} in the ledger than a checkpoint", path)
    return point


def _folder(keys: Keys) -> str:
    return f"ledger/{keys.warehouse}"


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


__all__ = ["Checkpoint", "Head", "newest", "verify", "write"]
