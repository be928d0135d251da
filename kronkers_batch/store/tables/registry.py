"""Model versions and champions."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column("model", String(128), nullable=False, info=clear("names of models are addresses, not secrets")),
    Column("department", String(128), nullable=False, info=clear("names of departments are addresses")),
    Column("number", Integer, nullable=False, info=clear("a count from 1")),
    Column("logical_date", String(10), nullable=False, info=clear("a calendar day, YYYY-MM-DD")),
    Column("fingerprint", String(64), nullable=False, info=clear("a digest of digests")),
    Column("definition", String(64), nullable=False, info=clear("a digest")),
    Column("state", String(16), nullable=False, info=clear("one word: ready, deleted")),
    Column("created", BigInteger, nullable=False, info=clear("a timestamp")),
    Column(
        "snapshot_id",
        String(26),
        info=clear(
            "random id of the snapshot that it was trained on; null for a version that an older release of "
            "the program made, until a run looks it up"
        ),
    ),
    Column("key_id", String(64), nullable=False, info=clear("random id of the version's data key")),
    Column("record_key_id", String(64), nullable=False, info=clear("random id of the version's record key")),
    Column("manifest", LargeBinary, nullable=False, info=sealed("the version's record key")),
    Column("golden", LargeBinary, nullable=False, info=sealed("the version's data key")),
    Column("signer", String(128), nullable=False, info=clear("the principal that signed")),
    Column("signer_key", String(64), nullable=False, info=clear("id of the signer's public key")),
    Column("signature", LargeBinary, nullable=False, info=clear("a signature over ciphertext")),
    UniqueConstraint("model", "number"),
    Index(None, "model", "fingerprint"),
    Index(None, "model", "definition"),
    Index(None, "snapshot_id"),
)

champions = Table(
    "champions",
    metadata,
    Column("model", String(128), primary_key=True, info=clear("names of models are addresses, not secrets")),
    Column("sequence", Integer, primary_key=True, autoincrement=False, info=clear("a count from 1")),
    Column(
        "version_id", String(26), ForeignKey("model_versions.id"), nullable=False, info=clear("random id")
    ),
    Column("action", String(16), nullable=False, info=clear("one word: promote, rollback")),
    Column("at", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("previous", String(64), nullable=False, info=clear("digest of the row before this one")),
    Column("details", LargeBinary, nullable=False, info=sealed("the version's record key: the reason")),
    Column("signer", String(128), nullable=False, info=clear("the principal that signed")),
    Column("signer_key", String(64), nullable=False, info=clear("id of the signer's public key")),
    Column(
        "signature", LargeBinary, nullable=False, info=clear("a signature over clear columns and ciphertext")
    ),
)
