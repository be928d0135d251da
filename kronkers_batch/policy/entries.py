"""The ledger's line about something that a room did with the caller's keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from kronkers_batch.errors import AccessRefused
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.vault import Vault


def add_entry(
    ledger: Ledger,
    conn: Connection,
    vault: Vault,
    action: str,
    subject: str,
    scope: Scope,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Appends in the caller's write transaction.

    Details are sealed under the scope's record key: a model's where it is about a model, so that who was
    granted that model alone can write and read them. Where the caller holds no such key (somebody without any
    grant), the line says who did what without them.
    """
    if details:
        try:
            ledger.append(conn, vault.principal, action, subject, details, department=str(scope))
            return
        except AccessRefused:
            pass
    ledger.append(conn, vault.principal, action, subject, department=str(scope))
