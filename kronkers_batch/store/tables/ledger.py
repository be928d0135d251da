"""The ledger: one row an entry, chained by hash."""

from __future__ import annotations

from sqlalchemy import Column, Table

from kronkers_batch.store.tables.base import BigInteger, LargeBinary, String, clear, metadata, sealed

ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, info=clear("a count from 1")),
    Column("at", BigInteger, nullable=False, info=clear("a timestamp")),
    Column(
        "principal",
        String(128),
        nullable=False,
        info=clear("the ledger must show who acted"),
    ),
    Column("action", String(64), nullable=False, info=clear("one word of a fixed list")),
    Column("subject", String(256), nullable=False, info=clear("an address such as NAME@3, not a secret")),
    Column("department", String(128), nullable=False, info=clear("names of departments are addresses")),
    Column("key_id", String(26), nullable=False, info=clear("random id; empty without details")),
    Column("details", LargeBinary, nullable=False, info=sealed("the department's record key")),
    Column("previous", LargeBinary, nullable=False, info=clear("digest of the entry before")),
    Column("hash", LargeBinary, nullable=False, info=clear("digest of this entry, whose details are sealed")),
    Column("signer", String(32), nullable=False, info=clear("id of the public key that signed this row")),
    Column("signature", LargeBinary, nullable=False, info=clear("a signature reveals nothing")),
)
