"""Who is who: statements signed by an administrator, up to the public key that is pinned outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.store import clock, seen, written
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import names
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity, PublicKeys
from kronkers_batch.vault.pin import Pin
from kronkers_batch.vault.revocations import Revocations
from kronkers_batch.vault.sealing import RESTORE

_MAX_CHAIN = 8
_KEYS = select(t.principal_keys, t.principals.c.name, t.principals.c.kind).join(t.principals)
_NAMES = select(t.principals.c.id, t.principals.c.name)
_GRANTS = select(t.grants).order_by(t.grants.c.id)
ADMIN, NONE = "admin", "none"


@dataclass(frozen=True)
class Principal:
    """A principal as certified: ``authority`` is "admin" for those who may certify others."""

    id: str
    name: str
    kind: str
    authority: str
    keys: PublicKeys

    @property
    def shown(self) -> str:
        """Its name for messages."""
        return names.shown(self.name, self.id)


@dataclass(frozen=True)
class Grant:
    """A verified grant."""

    id: str
    principal_id: str
    scope: Scope
    role: Role


class Trust:
    """Verifies what the database says about principals and grants; believes nothing that is not signed.

    Args:
        pin: The warehouse's pinned administrator.
    """

    def __init__(self, pin: Pin) -> None:
        self.pin = pin
        self.warehouse = pin.warehouse
        # Certified once is certified: these statements never change. Revocations are asked each time.
        self._principals: dict[str, Principal] = {}
        self.revocations = Revocations(self)

    def statement(self, label: str, *fields: str | int | bytes) -> bytes:
        """What is signed: the kind of statement, the warehouse, the fields."""
        return encode(f"kronkers-batch {label} 1", self.warehouse, *fields)

    # ------------------------------------------------------------ principals

    def principal(self, conn: Connection, key_id: str, _depth: int = 0) -> Principal:
        """The principal with this public key, certified up to the pin.

        Raises:
            NotFound: No such key. IntegrityError: It is there, but not certified.
        """
        if known := self._principals.get(key_id):
            return known
        rows = seen.rows(conn, _KEYS, id=key_id)
        if not rows:
            raise NotFound(
                "no principal has this public key",
                where=key_id,
                fix="See which there are: kronkers access list",
            )
        row = rows[0]
        where = f"principal {names.shown(row.name, row.principal_id)}"
        try:
            keys = PublicKeys(row.hpke_public, row.sign_public)
        except ValueError:
            raise forged("a public key", where) from None
        if keys.id != key_id or _depth > _MAX_CHAIN:
            raise forged("a public key", where)
        if key_id == self.pin.keys.id:
            if row.authority != ADMIN or row.principal_id != self.pin.principal:
                raise forged("the administrator's public key", where)
            issuer = keys
        else:
            issuer = self._authority(conn, row.issuer, row.created, where, _depth + 1)
        if not issuer.verifies(self._principal_statement(row), row.signature):
            raise forged("a public key", where)
        found = Principal(row.principal_id, row.name, row.kind, row.authority, keys)
        if not self.revocations.undecided:
            self._principals[key_id] = found
        return found

    def _authority(self, conn: Connection, key_id: str, timestamp: int, where: str, depth: int) -> PublicKeys:
        try:
            issuer = self.principal(conn, key_id, depth)
        except NotFound:
            raise forged("a public key", where) from None
        if issuer.authority != ADMIN or self.revoked(conn, key_id, timestamp):
            self.revocations.refuse_flawed(conn, key_id)
            raise forged("a public key", where)
        return issuer.keys

    def add_principal(
        self,
        conn: Connection,
        issuer: Identity,
        principal_id: str,
        name: str,
        keys: PublicKeys,
        *,
        kind: str = "person",
        authority: str = NONE,
    ) -> Principal:
        """Certifies a principal's public keys. Raises AccessRefused when the issuer is no administrator."""
        if issuer.public.id != self.pin.keys.id:
            self.require_authority(conn, issuer)
        now = clock.now()
        who = {"id": principal_id, "name": name, "kind": kind, "created": now}
        written.insert(conn, t.principals, who, f"the principal {name}")
        values = {
            "id": keys.id,
            "principal_id": principal_id,
            "authority": authority,
            "hpke_public": keys.hpke,
            "sign_public": keys.sign,
            "created": now,
            "issuer": issuer.public.id,
        }
        fields = (keys.id, principal_id, name, kind, authority, keys.hpke, keys.sign, now, issuer.public.id)
        signature = issuer.sign(self.statement("principal", *fields))
        row = values | {"signature": signature}
        written.insert(conn, t.principal_keys, row, f"the public key of {name}")
        return self.principal(conn, keys.id)

    def _principal_statement(self, row: StoredRow) -> bytes:
        return self.statement(
            "principal",
            row.id,
            row.principal_id,
            row.name,
            row.kind,
            row.authority,
            row.hpke_public,
            row.sign_public,
            row.created,
            row.issuer,
        )

    def require_authority(self, conn: Connection, identity: Identity) -> None:
        """Raises AccessRefused unless this is an administrator of the whole warehouse."""
        try:
            found = self.principal(conn, identity.public.id)
        except NotFound:
            found = None
        if found is None or found.authority != ADMIN or self.revoked(conn, identity.public.id, clock.now()):
            raise AccessRefused(
                "only an administrator of the warehouse may do this",
                where=names.shown(identity.name, identity.id),
                fix=f"Ask {self.administrator(conn)} to run this command.",
            )

    def administrator(self, conn: Connection) -> str:
        """The name of the pinned administrator, for messages."""
        rows = seen.rows(conn, _NAMES, id=self.pin.principal)
        return names.shown(rows[0].name, self.pin.principal) if rows else "the administrator"

    # ------------------------------------------------------------ grants

    def grants(self, conn: Connection, **equal: str) -> list[Grant]:
        """The grants with these values, by column, that hold now, each verified; without any, all of them.

        Raises IntegrityError when one was forged or changed.
        """
        rows = seen.rows(conn, _GRANTS, **equal)
        return [self._grant(conn, row) for row in rows if not self.revoked(conn, row.id, clock.now())]

    def ever_granted(self, conn: Connection, principal_id: str, scopes: Iterable[Scope], least: Role) -> bool:
        """Whether the principal holds, or held before it was revoked, such a role on one of the scopes."""
        wanted = set(scopes)
        rows = seen.rows(conn, _GRANTS, principal_id=principal_id)
        near = [r for r in rows if Scope(r.department, r.model) in wanted]
        return any(self._grant(conn, row).role.covers(least) for row in near)

    def held_at(self, conn: Connection, principal_id: str, scope: Scope, least: Role, timestamp: int) -> bool:
        """Whether the principal held such a role on exactly this scope at that time."""
        on = {"department": scope.department, "model": scope.model}
        return any(
            row.created <= timestamp
            and not self.revoked(conn, row.id, timestamp)
            and self._grant(conn, row).role.covers(least)
            for row in seen.rows(conn, _GRANTS, principal_id=principal_id, **on)
        )

    def _grant(self, conn: Connection, row: StoredRow, depth: int = 0) -> Grant:
        where = f"grant on {Scope(row.department, row.model)}"
        statement = self.statement(
            "grant", row.id, row.principal_id, row.department, row.model, row.role, row.created, row.issuer
        )
        self.check_issuer(conn, row.issuer, row.department, row.created, where, depth)
        if not self.principal(conn, row.issuer).keys.verifies(statement, row.signature):
            raise forged("a grant", where)
        return Grant(row.id, row.principal_id, Scope(row.department, row.model), Role(row.role))

    def check_issuer(
        self, conn: Connection, key_id: str, department: str, timestamp: int, where: str, depth: int = 0
    ) -> Principal:
        """The issuer, if it could grant on the department at that time.

        Administrators of the warehouse could, and who held the role admin on the whole department.
        Raises IntegrityError otherwise.
        """
        try:
            issuer = self.principal(conn, key_id)
        except NotFound:
            raise forged("a grant", where) from None
        if depth > _MAX_CHAIN or self.revoked(conn, key_id, timestamp):
            self.revocations.refuse_flawed(conn, key_id)
            raise forged("a grant", where)
        if issuer.authority == ADMIN:
            return issuer
        on = {"department": department, "model": "", "role": str(Role.ADMIN)}
        for row in seen.rows(conn, _GRANTS, principal_id=issuer.id, **on):
            if not self.revoked(conn, row.id, timestamp):
                self._grant(conn, row, depth + 1)
                return issuer
        raise forged("a grant", where)

    def may_grant(self, conn: Connection, key_id: str, department: str, timestamp: int) -> bool:
        """Whether :meth:`check_issuer` is content."""
        try:
            self.check_issuer(conn, key_id, department, timestamp, "")
        except IntegrityError:
            return False
        return True

    def require_department_admin(self, conn: Connection, identity: Identity, department: str) -> None:
        """Raises AccessRefused unless the identity may grant on this department."""
        if not self.may_grant(conn, identity.public.id, department, clock.now()):
            raise AccessRefused(
                f"you may not grant, revoke or rotate on department {department}",
                where=names.shown(identity.name, identity.id),
                fix=f"Ask {self.administrator(conn)}, or somebody with the role admin on {department}, to "
                "run this command.",
            )

    def add_grant(
        self, conn: Connection, issuer: Identity, principal: str, scope: Scope, role: Role
    ) -> Grant:
        """Records the signed statement; the keys are sealed by :mod:`.grants`. Raises AccessRefused."""
        self.require_department_admin(conn, issuer, scope.department)
        now, grant_id = clock.now(), new_id()
        fields = (grant_id, principal, scope.department, scope.model, str(role), now, issuer.public.id)
        row = {
            "id": grant_id,
            "principal_id": principal,
            "department": scope.department,
            "model": scope.model,
            "role": str(role),
            "created": now,
            "issuer": issuer.public.id,
            "signature": issuer.sign(self.statement("grant", *fields)),
        }
        written.insert(conn, t.grants, row, f"the grant on {scope}")
        return Grant(grant_id, principal, scope, role)

    # ------------------------------------------------------------ revocations

    def revoked(self, conn: Connection, subject: str, timestamp: int) -> bool:
        """Whether the grant or public key was revoked by that time. See :mod:`.revocations`."""
        return self.revocations.revoked(conn, subject, timestamp)

    def add_revocation(self, conn: Connection, issuer: Identity, subject: str) -> None:
        """Records that a grant or public key no longer holds; this process does not forget it again."""
        self.revocations.add(conn, issuer, subject)


def forged(what: str, where: str) -> IntegrityError:
    """Something that is not signed by who could sign it."""
    return IntegrityError(
        f"{what} in the database is not signed by an administrator that this machine trusts",
        where=where,
        fix=RESTORE,
    )
