"""Signatures on definitions: what an operator has agreed to let the warehouse's keys be used for."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

definitions = Table(
    "definitions",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column(
        "kind",
        String(16),
        nullable=False,
        info=clear("one word: `model`, `source`, `house` (the root configuration), `policy`"),
    ),
    Column("name", String(128), nullable=False, info=clear("names are addresses, not secrets")),
    Column("department", String(128), nullable=False, info=clear("names of departments are addresses")),
    Column("number", Integer, nullable=False, info=clear("a count from 1 of the signatures on this name")),
    Column("fingerprint", String(64), nullable=False, info=clear("a digest, without any password")),
    Column("created", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("signer", String(32), nullable=False, info=clear("id of the public key that signed this row")),
    Column("key_id", String(26), ForeignKey("data_keys.id"), nullable=False, info=clear("random id")),
    Column("details", LargeBinary, nullable=False, info=sealed("the department's record key")),
    Column("signature", LargeBinary, nullable=False, info=clear("a signature reveals nothing")),
    UniqueConstraint("kind", "name", "number"),
)
