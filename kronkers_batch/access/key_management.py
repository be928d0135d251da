"""Keys of departments, models and versions: listed, rotated, shredded."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from kronkers_batch.access import choosing
from kronkers_batch.access import rights as asked
from kronkers_batch.access.people import parse_scope, rewrapped, scrubbed
from kronkers_batch.errors import AccessRefused, NotFound, UsageError
from kronkers_batch.events.types import SHREDDING, Kind
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.registry.training import parse_ref as parse_version
from kronkers_batch.session.services import Services
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.warehouse.versions import parse_ref as parse_output


def listing(services: Services) -> list[dict[str, object]]:
    """The keys in use that the caller may see: whose, its version, since when, how much hangs on it."""
    held, need = asked.held(services), permissions.need_of("keys list")
    if not held:
        asked.seen(services, "keys list")
    counts = (
        select(t.data_keys.c.parent_id, func.count().label("n"))
        .where(t.data_keys.c.wrapped.is_not(None))
        .group_by(t.data_keys.c.parent_id)
        .subquery()
    )
    query = (
        select(t.tree_keys, counts.c.n)
        .outerjoin(counts, counts.c.parent_id == t.tree_keys.c.id)
        .where(t.tree_keys.c.state == "active")
        .order_by(t.tree_keys.c.department, t.tree_keys.c.model)
    )
    with services.db.read() as connection:
        rows = connection.execute(query).all()
    return [
        {"of": str(Scope(r.department, r.model)), "version": r.version, "since": r.created, "keys": r.n or 0}
        for r in rows
        if permissions.covers(held, Scope(r.department, r.model), need)
    ]


def rotate(services: Services, scope_text: str | None) -> list[dict[str, object]]:
    """New keys for a scope, or for every department that the caller administers; no data is rewritten.

    One that was begun and interrupted is gone on with instead of begun anew; readers go on meanwhile. Raises
    AccessRefused, UsageError.
    """
    done: list[dict[str, object]] = []
    for scope in _scopes(services, scope_text):
        with services.db.write() as connection:
            resumed = rotation.unfinished(connection, scope)
            if not resumed:
                rotation.begin(services.vault.ring, connection, scope)
                add_entry(services.ledger, connection, services.vault, "rotate", str(scope), scope)
        done.append({"of": str(scope), "keys": rewrapped(services, scope), "resumed": resumed})
    warning = scrubbed(services)
    return [{**row, **warning} for row in done]


def _scopes(services: Services, text: str | None) -> Sequence[Scope]:
    if text is not None:
        scope = parse_scope(services, text, known=True)
        asked.require_admin(services, scope)
        return [scope]
    held = asked.held(services)
    mine = [Scope(d) for d in services.config.departments if permissions.covers(held, Scope(d), Role.ADMIN)]
    if not mine:
        asked.require_admin(services, Scope(next(iter(services.config.departments), "")))
    return mine


def shred(services: Services, ref: str, why: str) -> dict[str, object]:
    """Deletes the keys of one output or model version: nobody can ever open it again.

    Raises UsageError for the champion or without a reason, NotFound, AccessRefused below admin.
    """
    if not why.strip():
        raise UsageError("a reason is needed", where=ref, fix=f'kronkers keys shred {ref} --why "REASON"')
    output = "/" in ref
    model = parse_output(ref)[0] if output else parse_version(ref)[0]
    if model in services.config.models:
        asked.require(services, "keys shred", model)
    fix = f"See which there are: kronkers {'outputs' if output else 'versions'} {model}"
    shredded = choosing.event(services, Kind.SHREDDED, SHREDDING, why)
    try:
        if output:
            services.warehouse.shred(ref, why, event=shredded)
        else:
            services.registry.shred(*parse_version(ref), why=why, event=shredded)
    except AccessRefused as error:
        if model in services.config.models:
            raise
        # Who may not shred a model that conf does not name does not learn that it is there.
        asked.refused(services, f"keys shred {ref}", error.what)
        raise NotFound(f"{ref} does not exist", fix=fix) from None
    except NotFound:
        raise NotFound(f"{ref} does not exist", fix=fix) from None
    return {"shredded": ref, **scrubbed(services)}
