"""The tree of keys: a department's key wraps its models' keys, and these wrap data keys.

Each department and model key has a *view key*, derived from it, which wraps the data keys of records
(metrics, reasons, names). A viewer is granted the view key only, everybody else the key itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.store import clock, seen, written
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.key_cache import KeyCache
from kronkers_batch.vault.statements import (
    grant_key_info,
    grant_key_statement,
    key_statement,
    wrapped_key_context,
    wrapping,
)
from kronkers_batch.vault.trust import Grant, Trust

ACTIVE, RETIRING, RETIRED = "active", "retiring", "retired"
"""A retiring key is wrapped under its successor until nothing hangs under it any more."""

# The columns of a key that nobody changes later.
_LASTING = ("department", "model", "version", "key_check", "view_check", "created", "issuer", "signature")
_KEYS = select(t.tree_keys).order_by(t.tree_keys.c.version)


@dataclass(frozen=True)
class TreeKey:
    """One version of a department's or model's key. ``full`` is None for who may only view."""

    id: str
    scope: Scope
    version: int
    view: bytes = field(repr=False)
    full: bytes | None = field(repr=False)


class Tree:
    """Opens department and model keys with the caller's identity, and remembers them for a while."""

    def __init__(self, identity: Identity, trust: Trust) -> None:
        self.identity, self.trust = identity, trust
        self._mine = select(t.grant_keys).where(t.grant_keys.c.recipient == identity.public.id)
        self._tree: KeyCache[str, TreeKey] = KeyCache()
        self._least: dict[Scope, int] = {}

    def expect(self, conn: Connection, least: Mapping[Scope, int]) -> None:
        """Believes no older key in use than these versions, now or later in this process.

        They come from outside the database, whose older keys can be put back with all that was once true of
        them. Raises IntegrityError where one is older.
        """
        for scope, version in least.items():
            self._least[scope] = max(version, self._least.get(scope, 0))
            self._refuse_put_back(scope, self._newest(conn, scope))

    def _refuse_put_back(self, scope: Scope, newest: StoredRow | None) -> None:
        least = self._least.get(scope, 0)
        if (newest.version if newest is not None else 0) < least:
            raise IntegrityError(
                f"the newest key is older than version {least}, which was in use before: "
                "somebody put an older one back",
                where=f"key of {scope}",
                fix="Nothing is encrypted with it: a revoked principal may know it. Restore the newest "
                "backup, and find out who can write to the database.",
            )

    def forget(self) -> None:
        """Drops every remembered key."""
        self._tree.clear()

    def active(self, conn: Connection, scope: Scope, *, make: bool = False) -> TreeKey:
        """The key that wraps new keys of this scope.

        Args:
            conn: A write transaction where ``make`` is set.
            scope: Department, or model.
            make: Makes a model's key where it has none; a department's is made in :mod:`.setup`.

        Raises:
            AccessRefused: No grant opens it, or the department has no key yet. NotFound: no key, not made.
            IntegrityError: An older key was put in its place.
        """
        both = seen.among(conn, _KEYS, "model", (scope.model, ""), department=scope.department)
        versions = [row for row in both if row.model == scope.model]
        newest = versions[-1] if versions else None
        self._refuse_put_back(scope, newest)
        if newest is not None:
            _refuse_older(scope, newest, [row for row in both if not row.model])
            _refuse_dated_back(versions)
            return self.tree_key(conn, newest.id)
        if not scope.model:
            raise AccessRefused(
                f"department {scope.department} has no key yet",
                where=str(scope),
                fix=f"Ask {self.trust.administrator(conn)} to run `kronkers plan`, which makes the key.",
            )
        if not make:
            fix = f"kronkers run {scope.model} writes the first."
            raise NotFound("this model has no data in the warehouse yet", where=str(scope), fix=fix)
        serialise(conn, f"tree {scope}")
        parent = self.active(conn, Scope(scope.department))
        return self.new_tree_key(conn, scope, 1, parent)

    def _newest(self, conn: Connection, scope: Scope) -> StoredRow | None:
        # By its version, which is signed; states are not.
        found = seen.rows(conn, _KEYS, department=scope.department, model=scope.model)
        return found[-1] if found else None

    def tree_key(self, conn: Connection, key_id: str) -> TreeKey:
        """Opens one key version, by a grant on it or through the one above.

        Raises AccessRefused when no grant opens it, IntegrityError when it is not what was signed.
        """
        if known := self._tree.get(key_id):
            return known
        rows = seen.rows(conn, _KEYS, id=key_id)
        if not rows:
            raise NotFound("the key is not in the database", where=key_id, fix=sealing.RESTORE)
        row = rows[0]
        self._check_row(conn, row)
        scope = Scope(row.department, row.model)
        view, full = self._granted(conn, row) or self._from_parent(conn, row) or self._refuse(conn, scope)
        if sealing.key_check(view) != row.view_check or (full and sealing.key_check(full) != row.key_check):
            raise IntegrityError(
                "somebody changed a key: its signature does not match", where=str(scope), fix=sealing.RESTORE
            )
        key = TreeKey(row.id, scope, row.version, view, full)
        self._tree.put(key_id, key)
        return key

    def _granted(self, conn: Connection, row: StoredRow) -> tuple[bytes, bytes | None] | None:
        """View key and key, from the widest of the caller's grants on exactly this key."""
        best: tuple[bytes, bytes | None] | None = None
        for sealed in seen.rows(conn, self._mine, key_id=row.id):
            grants = self.trust.grants(conn, id=sealed.grant_id)
            where = f"key of {Scope(row.department, row.model)}"
            if not grants:
                continue  # revoked
            grant = grants[0]
            fits = grant.scope == Scope(row.department, row.model) and grant.principal_id == self.identity.id
            if not fits or not self._signed_by_who_may(conn, grant, sealed):
                raise IntegrityError("a granted key has no valid signature", where=where, fix=sealing.RESTORE)
            info = grant_key_info(self.trust, grant.id, row.id, sealed.recipient, grant.scope, grant.role)
            secret = self.identity.unseal(sealed.sealed, info, where)
            if grant.role is Role.VIEWER:
                best = best or (secret, None)
            else:
                return sealing.view_key(secret), secret
        return best

    def was_given(self, conn: Connection, grant: Grant, key_id: str) -> bool:
        """Whether this key version was sealed for this grant by who may grant, and had the key itself.

        Raises IntegrityError.
        """
        query = select(t.grant_keys).where(
            t.grant_keys.c.grant_id == grant.id, t.grant_keys.c.key_id == key_id
        )
        return any(
            self._signed_by_who_may(conn, grant, sealed)
            and self._had(conn, sealed.issuer, key_id, frozenset())
            for sealed in conn.execute(query).all()
        )

    def _had(self, conn: Connection, public_id: str, key_id: str, asked: frozenset[str]) -> bool:
        """Whether somebody made this key version, or was given it or the one above it by who had it.

        A signature alone says nothing here: who was an administrator of the department and was revoked can
        sign that they gave themselves a key that they never saw.
        """
        rows = seen.rows(conn, _KEYS, id=key_id)
        if not rows or public_id in asked:
            return False
        row = rows[0]
        self._check_row(conn, row)
        if row.issuer == public_id or (row.parent_id and self._had(conn, public_id, row.parent_id, asked)):
            return True
        query = select(t.grant_keys).where(
            t.grant_keys.c.key_id == key_id, t.grant_keys.c.recipient == public_id
        )
        for sealed in conn.execute(query).all():
            for grant in self.trust.grants(conn, id=sealed.grant_id):
                signed = self._signed_by_who_may(conn, grant, sealed)
                if signed and self._had(conn, sealed.issuer, key_id, asked | {public_id}):
                    return True
        return False

    def _signed_by_who_may(self, conn: Connection, grant: Grant, sealed: StoredRow) -> bool:
        department, where = grant.scope.department, f"key of {grant.scope}"
        issuer = self.trust.check_issuer(conn, sealed.issuer, department, sealed.created, where)
        fields = (sealed.recipient, sealed.sealed, sealed.created, sealed.issuer)
        statement = grant_key_statement(self.trust, grant.id, sealed.key_id, *fields)
        return issuer.keys.verifies(statement, sealed.signature)

    def _from_parent(self, conn: Connection, row: StoredRow) -> tuple[bytes, bytes | None] | None:
        if row.parent_id is None or row.wrapped is None:
            return None  # a department's key in use, or a retired one
        try:
            parent = self.tree_key(conn, row.parent_id)
        except AccessRefused:
            return None  # the caller may hold nothing of the department; the refusal names the model
        where = f"key of {Scope(row.department, row.model)}"
        if parent.full is not None:
            full = sealing.unseal(parent.full, wrapping(self.trust, row, "key"), row.wrapped, where)
            return sealing.view_key(full), full
        return sealing.unseal(parent.view, wrapping(self.trust, row, "view"), row.wrapped_view, where), None

    def _refuse(self, conn: Connection, scope: Scope) -> tuple[bytes, bytes | None]:
        raise AccessRefused(
            f"you hold no grant on {_words(scope)}",
            where=self.identity.name,
            fix=f"Ask {self.trust.administrator(conn)} to run: "
            f"kronkers access grant {self.identity.name} reader {scope}",
        )

    def new_tree_key(self, conn: Connection, scope: Scope, version: int, parent: TreeKey | None) -> TreeKey:
        """Makes, wraps and signs a new key version. Raises AccessRefused when the parent is view only."""
        key_id, full = new_id(), sealing.generate_key()
        keys = t.tree_keys.c
        of_scope = (keys.department == scope.department, keys.model == scope.model)
        latest = conn.execute(select(func.max(keys.created)).where(*of_scope)).scalar()
        now = max(clock.now(), latest or 0)  # clocks differ; a newer version is never the older one
        view = sealing.view_key(full)
        row: dict[str, object] = {
            "id": key_id,
            "department": scope.department,
            "model": scope.model,
            "version": version,
            "state": ACTIVE,
            "parent_id": parent.id if parent else None,
            "wrapped": None,
            "wrapped_view": None,
            "key_check": sealing.key_check(full),
            "view_check": sealing.key_check(view),
            "created": now,
            "issuer": self.identity.public.id,
        }
        if parent is not None:
            row |= self.wrap_tree_key(key_id, scope, parent, view, full)
        row["signature"] = self.identity.sign(key_statement(self.trust, row))
        written.insert(conn, t.tree_keys, row, f"the key of {scope}", lasting=_LASTING)
        key = TreeKey(key_id, scope, version, view, full)
        self._tree.put(key_id, key)
        return key

    def wrap_tree_key(
        self, key_id: str, scope: Scope, parent: TreeKey, view: bytes, full: bytes
    ) -> dict[str, object]:
        """The columns that hold a model's key under its department's."""

        def context(part: str) -> bytes:
            return wrapped_key_context(self.trust, part, key_id, scope, parent.id)

        return {
            "wrapped": sealing.seal(self.need_full(parent), context("key"), full),
            "wrapped_view": sealing.seal(parent.view, context("view"), view),
        }

    def _check_row(self, conn: Connection, row: StoredRow) -> None:
        where = f"key of {Scope(row.department, row.model)}"
        if not row.model:
            issuer = self.trust.check_issuer(conn, row.issuer, row.department, row.created, where)
        else:
            # A model's key is made by whoever runs the model first; the wrapping proves the department's key.
            issuer = self.trust.principal(conn, row.issuer)
        if not issuer.keys.verifies(key_statement(self.trust, dict(row._mapping)), row.signature):
            raise IntegrityError("somebody changed the record of a key", where=where, fix=sealing.RESTORE)

    def need_full(self, key: TreeKey) -> bytes:
        """The key itself. Raises AccessRefused for who may only view."""
        if key.full is None:
            raise AccessRefused(
                f"your role on {_words(key.scope)} is viewer, which may see records but not data",
                where=self.identity.name,
                fix=f"Ask for the role: kronkers access grant {self.identity.name} reader {key.scope}",
            )
        return key.full


def _refuse_older(scope: Scope, newest: StoredRow, above: seen.Rows) -> None:
    """Who was revoked still knows the older keys: nothing new may be written under one of them."""
    hangs = not scope.model or (bool(above) and above[-1].id == newest.parent_id)
    if newest.state != ACTIVE or not hangs:
        raise IntegrityError(
            "somebody changed the row of the newest key: it is not in use, or depends on an older key",
            where=f"key of {scope}",
            fix=sealing.RESTORE,
        )


def _refuse_dated_back(versions: seen.Rows) -> None:
    """Who was revoked can sign a next version only as of before that; the one in use is of after it."""
    newest = versions[-1]
    if newest.created != max(row.created for row in versions):
        raise IntegrityError(
            "somebody changed the row of the newest key: its time is earlier than that of an older key",
            where=f"key of {Scope(newest.department, newest.model)}",
            fix=sealing.RESTORE,
        )


def _words(scope: Scope) -> str:
    model = f"model {scope.model} of " if scope.model else ""
    return f"{model}department {scope.department}"
