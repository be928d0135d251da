"""What is signed about a key of the tree, and what its ciphertexts are bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kronkers_batch.store.canonical import encode
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.trust import Trust


def key_statement(trust: Trust, row: Mapping[str, Any]) -> bytes:
    """What the maker of a department's or model's key signs, from its row."""
    names = ("id", "department", "model", "version", "key_check", "view_check", "created", "issuer")
    return trust.statement("tree key", *(row[name] for name in names))


def wrapping(trust: Trust, row: StoredRow, part: str) -> bytes:
    """As :func:`wrapped_key_context`, of the row of a wrapped key."""
    return wrapped_key_context(trust, part, row.id, Scope(row.department, row.model), row.parent_id)


def wrapped_key_context(trust: Trust, part: str, key_id: str, scope: Scope, parent: str) -> bytes:
    """What a key that is wrapped under its parent is bound to; ``part`` is ``key`` or ``view``."""
    return encode(
        "kronkers-batch wrapped tree key 1",
        trust.warehouse,
        part,
        key_id,
        scope.department,
        scope.model,
        parent,
    )


def grant_key_info(
    trust: Trust, grant_id: str, key_id: str, recipient: str, scope: Scope, role: Role
) -> bytes:
    """HPKE's ``info``: what a sealed key is bound to."""
    return trust.statement(
        "sealed key", grant_id, key_id, recipient, scope.department, scope.model, str(role)
    )


def grant_key_statement(
    trust: Trust, grant_id: str, key_id: str, recipient: str, sealed: bytes, created: int, issuer: str
) -> bytes:
    """What the granter signs: HPKE's base mode does not say who sealed."""
    return trust.statement("grant key", grant_id, key_id, recipient, sealed, created, issuer)
