"""Which version of each key must be in use: a checkpoint says it, and the ledger what was rotated since.

Whoever was revoked knows the older keys. They are signed, and were in use once: who can write to the database
can put them back, with all that hung on them. So their versions are compared with what is said elsewhere.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from kronkers_batch.ledger.checkpoints import Checkpoint
from kronkers_batch.store.tables.ledger import ledger
from kronkers_batch.store.tables.vault import tree_keys
from kronkers_batch.vault.context import Scope, scope_of

_ROTATING = ("revoke", "rotate")


def versions(connection: Connection) -> dict[str, int]:
    """The newest version of each key, by scope."""
    k = tree_keys.c
    query = select(k.department, k.model, func.max(k.version)).group_by(k.department, k.model)
    return {str(Scope(*scope)): version for *scope, version in connection.execute(query)}


def least(connection: Connection, point: Checkpoint | None) -> dict[Scope, int]:
    """The version that each key must have at least; ``point`` is None where no checkpoint tells of keys."""
    found = {scope_of(name): version for name, version in ((point and point.keys) or {}).items()}
    said = ledger.c
    query = select(said.action, said.subject).where(said.action.in_(_ROTATING))
    for action, subject in connection.execute(query.where(said.seq > (point.seq if point else 0))):
        words = subject.split()
        if action == "rotate" or len(words) == 2:  # a principal's own revocation has one word
            scope = scope_of(words[-1] if words else "")
            found[scope] = found.get(scope, 1) + 1
    return found
