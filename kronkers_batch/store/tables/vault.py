"""Principals, their public keys, the tree of keys, and grants."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

_ID = clear("random id")
_TIMESTAMP = clear("a timestamp")
_NAME = clear("names of departments and models are addresses, not secrets")
_ISSUER = clear("id of the public key that signed this row")
_SIGNATURE = clear("a signature reveals nothing of what it signs")

warehouse = Table(
    "warehouse",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id, also in the trust file")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
)

principals = Table(
    "principals",
    metadata,
    Column("id", String(26), primary_key=True, info=_ID),
    Column(
        "name", String(128), nullable=False, unique=True, info=clear("names of principals are not secrets")
    ),
    Column("kind", String(16), nullable=False, info=clear("person, service or recovery")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
)

principal_keys = Table(
    "principal_keys",
    metadata,
    Column("id", String(32), primary_key=True, info=clear("digest of the public keys")),
    Column("principal_id", String(26), ForeignKey("principals.id"), nullable=False, info=_ID),
    Column("authority", String(16), nullable=False, info=clear("'admin' or 'none'")),
    Column("hpke_public", LargeBinary, nullable=False, info=clear("public key")),
    Column("sign_public", LargeBinary, nullable=False, info=clear("public key")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("issuer", String(32), nullable=False, info=_ISSUER),
    Column("signature", LargeBinary, nullable=False, info=_SIGNATURE),
)

tree_keys = Table(
    "tree_keys",
    metadata,
    Column("id", String(26), primary_key=True, info=_ID),
    Column("department", String(128), nullable=False, info=_NAME),
    Column("model", String(128), nullable=False, info=_NAME),  # "" is the department's own key
    Column("version", Integer, nullable=False, info=clear("a count from 1, one more after each rotation")),
    Column("state", String(16), nullable=False, info=clear("'active', 'retiring' or 'retired'")),
    Column("parent_id", String(26), ForeignKey("tree_keys.id"), info=_ID),  # null for a department's key
    Column("wrapped", LargeBinary, info=sealed("the department's key")),  # null for a department's key
    Column("wrapped_view", LargeBinary, info=sealed("the department's view key")),
    Column("key_check", LargeBinary, nullable=False, info=clear("digest of a constant under a random key")),
    Column("view_check", LargeBinary, nullable=False, info=clear("digest of a constant under the view key")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("issuer", String(32), nullable=False, info=_ISSUER),
    Column("signature", LargeBinary, nullable=False, info=_SIGNATURE),
    UniqueConstraint("department", "model", "version"),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(26), primary_key=True, info=_ID),
    Column(
        "kind", String(16), nullable=False, info=clear("the purpose of the key, one word of a fixed list")
    ),
    Column("department", String(128), nullable=False, info=_NAME),
    Column("model", String(128), nullable=False, info=_NAME),
    Column("version_id", String(128), nullable=False, info=clear("random id, or a fixed word and a number")),
    Column("parent_id", String(26), ForeignKey("tree_keys.id"), nullable=False, index=True, info=_ID),
    Column("wrapped", LargeBinary, info=sealed("the model's or department's key; null once shredded")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("shredded", BigInteger, info=_TIMESTAMP),
    UniqueConstraint("kind", "department", "model", "version_id"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(26), primary_key=True, info=_ID),
    Column("principal_id", String(26), ForeignKey("principals.id"), nullable=False, index=True, info=_ID),
    Column("department", String(128), nullable=False, info=_NAME),
    Column("model", String(128), nullable=False, info=_NAME),
    Column("role", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("issuer", String(32), nullable=False, info=_ISSUER),
    Column("signature", LargeBinary, nullable=False, info=_SIGNATURE),
)

grant_keys = Table(
    "grant_keys",
    metadata,
    Column("grant_id", String(26), ForeignKey("grants.id"), primary_key=True, info=_ID),
    Column("key_id", String(26), ForeignKey("tree_keys.id"), primary_key=True, info=_ID),
    Column(
        "recipient",
        String(32),
        ForeignKey("principal_keys.id"),
        primary_key=True,
        info=clear("id of the recipient's public key"),
    ),
    Column("sealed", LargeBinary, nullable=False, info=sealed("the recipient's public key")),
    Column("created", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("issuer", String(32), nullable=False, info=_ISSUER),
    Column("signature", LargeBinary, nullable=False, info=_SIGNATURE),
)

revocations = Table(
    "revocations",
    metadata,
    Column("subject", String(32), primary_key=True, info=clear("id of a grant or of a public key")),
    Column("at", BigInteger, nullable=False, info=_TIMESTAMP),
    Column("issuer", String(32), nullable=False, info=_ISSUER),
    Column("signature", LargeBinary, nullable=False, info=_SIGNATURE),
)
