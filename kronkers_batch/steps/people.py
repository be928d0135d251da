"""Who the caller is, what they may do, and who may do what."""

from __future__ import annotations

from sqlalchemy import select, true

from kronkers_batch.steps.services import Services
from kronkers_batch.store.tables.vault import principals
from kronkers_batch.vault.context import Scope


def whoami(services: Services) -> dict[str, object]:
    """The caller's name, key and role on each declared department."""
    vault = services.vault
    with services.db.read() as connection:
        roles = {name: vault.role(connection, Scope(name)) for name in services.config.departments}
    return {
        "principal": vault.principal,
        "key": vault.identity.public.id,
        "key file": str(services.config.key_file),
        "roles": {name: str(role) if role else "none" for name, role in roles.items()},
    }


def grants(services: Services) -> list[dict[str, str]]:
    """Every verified grant in force: principal, role, and department or model."""
    with services.db.read() as connection:
        rows = connection.execute(select(principals.c.id, principals.c.name)).all()
        names: dict[str, str] = {row.id: row.name for row in rows}
        found = services.vault.trust.grants(connection, true())
    return sorted(
        ({"principal": names[g.principal_id], "role": str(g.role), "on": str(g.scope)} for g in found),
        key=lambda row: tuple(row.values()),
    )
