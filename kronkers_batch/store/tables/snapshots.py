"""Snapshots of sources."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from kronkers_batch.store.tables.base import BigInteger, LargeBinary, String, clear, metadata, sealed

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column("source", String(128), nullable=False, info=clear("names of sources are addresses, not secrets")),
    Column(
        "department",
        String(128),
        nullable=False,
        info=clear("owner of the key: DEPARTMENT or DEPARTMENT/MODEL; such names are addresses, not secrets"),
    ),
    Column("window_start", BigInteger, info=clear("a timestamp; null if the window is open")),
    Column("window_end", BigInteger, info=clear("a timestamp; null if the window is open")),
    Column(
        "lookup",
        String(64),
        nullable=False,
        info=clear(
            "a digest of source, window and identity, keyed with the filter key of the department or model"
        ),
    ),
    Column("state", String(16), nullable=False, info=clear("one word: writing, ready, expired")),
    Column("created", BigInteger, nullable=False, info=clear("a timestamp")),
    Column(
        "used",
        BigInteger,
        nullable=False,
        server_default="0",
        info=clear("a timestamp of the last use: frozen, opened or needed"),
    ),
    Column("key_id", String(64), nullable=False, info=clear("random id of the snapshot's data key")),
    Column(
        "manifest",
        LargeBinary,
        info=sealed("the snapshot's data key: columns, counts, profile, results of checks; null until ready"),
    ),
    Column("signer", String(128), nullable=False, info=clear("the principal that signed")),
    Column("signer_key", String(64), nullable=False, info=clear("id of the signer's public key")),
    Column("signature", LargeBinary, info=clear("a signature over ciphertext; null until ready")),
    Index(None, "lookup", "state"),
    Index(None, "state", "used"),
)
