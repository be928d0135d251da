"""Who the caller is, what they may do, and who may do what: asked, granted and revoked."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, select

from kronkers_batch.access import rights as asked
from kronkers_batch.config import account, opening
from kronkers_batch.config.places import Places
from kronkers_batch.errors import NotFound, UsageError
from kronkers_batch.policy import permissions
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.ids import is_id
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants as granting
from kronkers_batch.vault import names, pin, rotation
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.trust import ADMIN, NONE, Grant
from kronkers_batch.vault.vault import highest

_KINDS = ("person", "service")
_LINE = 8192  # characters of a file with a public line that are read


def whoami(services: Services) -> dict[str, object]:
    """The caller's name, key, and role on each declared department and model on which it has one."""
    vault = services.vault
    with services.db.read() as connection:
        held = vault.held(connection)
        me = vault.trust.principal(connection, vault.identity.public.id)
    roles = {name: highest(held, Scope(name)) for name in services.config.departments}
    shown = {name: str(role) if role else "none" for name, role in roles.items()}
    for name, spec in services.config.models.items():
        role = highest(held, Scope(spec.department, name))
        if role is not None and role is not roles.get(spec.department):
            shown[f"{spec.department}/{name}"] = str(role)
    return {
        "principal": me.shown,
        "kind": me.kind,
        "key": vault.identity.public.id,
        "key file": str(services.config.key_file),
        "trust file": str(account.trust_file(services.config.key_file, os.environ)),
        "administrator of the warehouse": "yes" if me.authority == ADMIN else "no",
        "roles": shown,
    }


def is_administrator(services: Services) -> bool:
    """Whether the caller is an administrator of the whole warehouse."""
    with services.db.read() as connection:
        me = services.vault.trust.principal(connection, services.vault.identity.public.id)
    return me.authority == ADMIN


def grants(services: Services) -> list[dict[str, str]]:
    """The verified grants in force that the caller may see: principal, kind, role, and on what.

    An administrator of the warehouse sees all; others their own, and those on what they have a grant on.
    """
    vault = services.vault
    with services.db.read() as connection:
        query = select(t.principals.c.id, t.principals.c.name, t.principals.c.kind)
        people = {row.id: row for row in connection.execute(query).all()}
        found = vault.trust.grants(connection)
        mine = vault.held(connection)
    everything = is_administrator(services)
    rows = [
        {
            "principal": names.shown(people[g.principal_id].name, g.principal_id),
            "kind": people[g.principal_id].kind,
            "role": str(g.role),
            "on": str(g.scope),
        }
        for g in found
        if everything or g.principal_id == vault.identity.id or highest(mine, g.scope) is not None
    ]
    return sorted(rows, key=lambda row: (row["on"], row["principal"], row["role"]))


def add(
    services: Services, line: str, *, kind: str = "person", administrator: bool = False
) -> dict[str, object]:
    """Certifies a public line; an administrator of the warehouse gets the role admin on every department too.

    Raises AccessRefused, IdentityError, UsageError on a taken name.
    """
    if kind not in _KINDS:
        raise UsageError(f"a principal is a {' or a '.join(_KINDS)}, not a {kind}")
    name, principal_id, keys = pin.from_text(line)
    vault = services.vault
    with services.db.write() as connection:
        serialise(connection, "grants")  # as whoever revokes: no line of theirs stands after that
        vault.trust.require_authority(connection, vault.identity)
        _refuse_taken(connection, principal_id, name, keys.id)
        authority = ADMIN if administrator else NONE
        added = vault.trust.add_principal(
            connection, vault.identity, principal_id, name, keys, kind=kind, authority=authority
        )
        what = "administrator" if administrator else kind
        services.ledger.append(
            connection, vault.principal, "add", f"{what} {name} {added.keys.id}", department=""
        )
        for held in vault.held(connection) if administrator else ():
            if held.role is Role.ADMIN and not held.scope.model:
                granting.grant(vault.ring, connection, name, held.scope, Role.ADMIN)
                add_entry(
                    services.ledger, connection, vault, "grant", f"{name} admin {held.scope}", held.scope
                )
    return {"principal": name, "kind": what, "key": added.keys.id}


def _refuse_taken(connection: Connection, principal_id: str, name: str, key_id: str) -> None:
    people = {row.id: row.name for row in connection.execute(select(t.principals.c.id, t.principals.c.name))}
    used = select(t.principal_keys.c.id).where(t.principal_keys.c.id == key_id)
    other = names.look_alike(name, people.values())
    if principal_id in people or name == other or connection.execute(used).first() is not None:
        raise UsageError(
            f"the name {name} or this key is already in use (perhaps by a revoked principal)",
            fix="See: kronkers access list. For another key: kronkers access whoami --new --name OTHER",
        )
    if other:
        raise UsageError(
            f"the name {name} looks like {names.shown(other)}, which is in use",
            fix="Choose another: kronkers access whoami --new --name OTHER",
        )


def _called(services: Services, name_or_id: str) -> str:
    """A principal's name as it was written; of an id the name, which may be hard to write."""
    if not is_id(name_or_id):
        return name_or_id
    with services.db.read() as connection:
        query = select(t.principals.c.name).where(t.principals.c.id == name_or_id)
        return str(connection.execute(query).scalar() or name_or_id)


def grant(
    services: Services, name: str, role_text: str, scope_text: str, *, why: str = ""
) -> dict[str, object]:
    """Gives a principal a role, and the key that goes with it. Raises AccessRefused, NotFound, UsageError."""
    role, scope = parse_role(role_text), parse_scope(services, scope_text)
    asked.require_admin(services, scope)
    vault, name = services.vault, _called(services, name)
    with services.db.write() as connection:
        already = [g for g in _grants_of(services, connection, name) if g.scope == scope]
        if any(g.role is role for g in already):
            return {"principal": name, "role": str(role), "on": str(scope), "changed": False}
        granting.grant(vault.ring, connection, name, scope, role)
        add_entry(services.ledger, connection, vault, "grant", f"{name} {role} {scope}", scope, _reason(why))
    done: dict[str, object] = {"principal": name, "role": str(role), "on": str(scope), "changed": True}
    higher = [g.role for g in already if g.role.covers(role)]
    if higher:
        done["remark"] = (
            f"{name} has the role {higher[0]} there too; the higher one counts until it is revoked"
        )
    return done


def revoke(services: Services, name: str, scope_text: str | None, *, why: str = "") -> dict[str, object]:
    """Takes grants on one scope, or everything and the principal itself, and rotates the keys.

    Raises AccessRefused, NotFound, UsageError when callers revoke themselves altogether.
    """
    vault, name = services.vault, _called(services, name)
    if scope_text is None:
        return _revoke_principal(services, name, why)
    scope = parse_scope(services, scope_text, known=True)
    asked.require_admin(services, scope)
    if name == vault.principal and not scope.model and not is_administrator(services):
        # The next keys would be sealed by somebody who may no longer do so.
        raise UsageError(
            "you cannot revoke yourself",
            fix=f"Ask another administrator to run: kronkers access revoke {name} {scope}",
        )
    with services.db.write() as connection:
        taken = rotation.revoke(vault.ring, connection, name, scope, whole=False)
        add_entry(services.ledger, connection, vault, "revoke", f"{name} {scope}", scope, _reason(why))
        left = [str(g.scope) for g in _grants_of(services, connection, name) if _near(g.scope, scope)]
    rewrapped(services, scope)
    done: dict[str, object] = {"principal": name, "revoked": taken, "on": str(scope), **scrubbed(services)}
    if left:
        done["remark"] = f"{name} still has a grant on " + ", ".join(sorted(left))
    return done


def _revoke_principal(services: Services, name: str, why: str) -> dict[str, object]:
    vault = services.vault
    if name == vault.principal:
        raise UsageError(
            "you cannot revoke yourself",
            fix=f"Ask another administrator to run: kronkers access revoke {name}; or run it with the "
            "recovery key.",
        )
    with services.db.write() as connection:
        vault.trust.require_authority(connection, vault.identity)
        taken = _grants_of(services, connection, name)
        rotation.revoke_principal(vault.ring, connection, name, whole=False)
        services.ledger.append(connection, vault.principal, "revoke", name, department="")
        for scope in dict.fromkeys(grant.scope for grant in taken):
            add_entry(services.ledger, connection, vault, "revoke", f"{name} {scope}", scope, _reason(why))
    for scope in {grant.scope for grant in taken}:
        rewrapped(services, scope)
    return {"principal": name, "revoked": len(taken), "on": "everything", **scrubbed(services)}


def rewrapped(services: Services, scope: Scope) -> int:
    """Brings a rotation to its end, in short transactions; returns how many keys were moved."""
    count = 0
    while True:
        with services.db.write() as connection:
            done = rotation.rewrap(services.vault.ring, connection, scope)
        if not done:
            return count
        count += done
        services.progress(f"re-wrap keys of {scope}", count)


def scrubbed(services: Services) -> Mapping[str, object]:
    """Carries deleted keys out of the write-ahead log; says so where a reader is in the way for long."""
    if services.db.scrub():
        return {}
    return {"warning": "deleted keys are still in the write-ahead log; the next command removes them"}


def parse_role(text: str) -> Role:
    """A role. Raises UsageError."""
    try:
        return Role(text)
    except ValueError:
        raise UsageError(
            f"there is no role {text!r}",
            fix="Write one of these; each role includes those before it: " + ", ".join(Role),
        ) from None


def parse_scope(services: Services, text: str, *, known: bool = False) -> Scope:
    """``department`` or ``department/model``.

    Args:
        services: The opened system.
        text: What was written.
        known: Whether one that is no longer declared, but has keys that the caller may see, will do too.

    Raises UsageError with the nearest spelling.
    """
    department, slash, model = text.partition("/")
    scope, config = Scope(department, model), services.config
    scopes = [
        *(Scope(name) for name in config.departments),
        *(Scope(spec.department, name) for name, spec in config.models.items()),
    ]
    if known and scope not in scopes:
        mine = asked.held(services)
        with services.db.read() as connection:
            query = select(t.tree_keys.c.department, t.tree_keys.c.model).distinct()
            found = [Scope(*row) for row in connection.execute(query).all()]
        scopes += [one for one in found if permissions.covers(mine, one, Role.VIEWER)]
    if scope in scopes and bool(slash) == bool(model):
        return scope
    texts = [str(s) for s in scopes]
    if not slash:
        texts += [s.model for s in scopes if s.model]
    close = difflib.get_close_matches(text, texts, 1)
    named = next((str(s) for s in scopes if close and s.model == close[0]), close[0] if close else "")
    raise UsageError(
        f"there is no department or model {text!r}",
        fix=f"Did you mean {named!r}?" if named else "Write DEPARTMENT or DEPARTMENT/MODEL.",
    )


def read_line(words: list[str], places: Places) -> str:
    """A public line from a command line: the line itself, in quotes or not, or a file that holds it."""
    if len(words) == 1 and " " not in words[0].strip():
        try:
            return opening.read_text(Path(words[0]), places, most=_LINE)
        except opening.PathRefused as refused:
            raise UsageError(
                f"the path is refused: {refused.why}", fix="Name the file with the public line."
            ) from None
        except (OSError, ValueError):  # also a path that is none, and bytes that are no text
            raise NotFound(
                f"{words[0][:60]!r} is neither a public line nor a file that can be read",
                fix="Give the line that `kronkers access whoami --public` printed, or a file with it.",
            ) from None
    return " ".join(words)


def _grants_of(services: Services, connection: Connection, name: str) -> list[Grant]:
    query = select(t.principals.c.id).where(t.principals.c.name == name)
    principal_id = connection.execute(query).scalar()
    if principal_id is None:
        return []
    return services.vault.trust.grants(connection, principal_id=principal_id)


def _reason(why: str) -> dict[str, str]:
    return {"why": why} if why.strip() else {}


def _near(one: Scope, other: Scope) -> bool:
    """Whether a grant on the one says something about the other: its department, or one of its models."""
    return one.department == other.department and (not one.model or not other.model)
