"""Output versions, their chunks and filters, and the log that says which version of a date is its head."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

output_versions = Table(
    "output_versions",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column("model", String(128), nullable=False, info=clear("names of models are addresses, not secrets")),
    Column("department", String(128), nullable=False, info=clear("names of departments are addresses")),
    Column("logical_date", String(10), nullable=False, info=clear("a calendar day, YYYY-MM-DD")),
    Column("number", Integer, nullable=False, info=clear("a count from 1")),
    Column("fingerprint", String(64), nullable=False, info=clear("a digest of digests")),
    Column("state", String(16), nullable=False, info=clear("one word: writing, finished, deleted")),
    Column("token", BigInteger, nullable=False, info=clear("a count of writers: the newest may write")),
    Column("created", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("finished", BigInteger, info=clear("a timestamp; null until finished")),
    Column("key_id", String(64), nullable=False, info=clear("random id of the version's data key")),
    Column("record_key_id", String(64), nullable=False, info=clear("random id of the version's record key")),
    Column("manifest", LargeBinary, info=sealed("the version's record key; null until finished")),
    Column("signer", String(128), nullable=False, info=clear("the principal that signed")),
    Column("signer_key", String(64), nullable=False, info=clear("id of the signer's public key")),
    Column(
        "signature",
        LargeBinary,
        info=clear("a signature over ciphertext; until finished, a keyed digest of the reservation"),
    ),
    UniqueConstraint("model", "logical_date", "number"),
    Index(None, "model", "logical_date", "fingerprint"),
)

output_pieces = Table(
    "output_pieces",
    metadata,
    Column(
        "version_id", String(26), ForeignKey("output_versions.id"), primary_key=True, info=clear("random id")
    ),
    Column("number", Integer, primary_key=True, autoincrement=False, info=clear("a count from 0")),
    Column("entry", LargeBinary, nullable=False, info=sealed("the version's data key: rows and digest")),
    Column("data", LargeBinary, nullable=False, info=sealed("the version's data key")),
)

output_filters = Table(
    "output_filters",
    metadata,
    Column(
        "version_id", String(26), ForeignKey("output_versions.id"), primary_key=True, info=clear("random id")
    ),
    Column(
        "part",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=clear("number of a group of sealed chunks, counted from 0"),
    ),
    Column("number", Integer, primary_key=True, autoincrement=False, info=clear("a count from 0")),
    Column("data", LargeBinary, nullable=False, info=sealed("the version's data key")),
)

output_log = Table(
    "output_log",
    metadata,
    Column("model", String(128), primary_key=True, info=clear("names of models are addresses, not secrets")),
    Column("logical_date", String(10), primary_key=True, info=clear("a calendar day, YYYY-MM-DD")),
    Column("sequence", Integer, primary_key=True, autoincrement=False, info=clear("a count from 1")),
    Column(
        "version_id", String(26), ForeignKey("output_versions.id"), nullable=False, info=clear("random id")
    ),
    Column("action", String(16), nullable=False, info=clear("one word: publish, hold, delete")),
    Column("head", String(26), nullable=False, info=clear("random id of the new head, or empty")),
    Column("at", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("previous", String(64), nullable=False, info=clear("digest of the row before this one")),
    Column("details", LargeBinary, nullable=False, info=sealed("the version's record key: the reason")),
    Column("signer", String(128), nullable=False, info=clear("the principal that signed")),
    Column("signer_key", String(64), nullable=False, info=clear("id of the signer's public key")),
    Column(
        "signature", LargeBinary, nullable=False, info=clear("a signature over clear columns and ciphertext")
    ),
)
