"""Signatures on definitions: made, and believed only as far as they can be verified.

Each name (a model, a source, the root, the policy) has its signatures numbered from 1. **Only the newest
counts**: what was signed before it is signed no longer. A signature counts

- if it is of exactly this warehouse, kind, name, department, number and fingerprint,
- if its signer held the right when it says that it was made, and also when this account first met it (so that
  somebody whose right was taken away cannot date one back),
- and if its signer's public key is not revoked. Taking a grant away leaves older signatures standing;
  revoking the key undoes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError, NotFound
from kronkers_batch.store import clock, seen, written
from kronkers_batch.store.canonical import sealed_object
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.store.tables.signing import definitions as table
from kronkers_batch.vault.context import Context, Kind, Role, Scope
from kronkers_batch.vault.remembered_definitions import Memory
from kronkers_batch.vault.trust import ADMIN, Principal
from kronkers_batch.vault.vault import Vault

_PURPOSE = "definitions"
_SIGNED = select(table).order_by(table.c.number)


class Subject(StrEnum):
    """What is signed."""

    MODEL = "model"  # with every source that it reads; by an operator of its department
    SOURCE = "source"  # by an operator of its department, for models of others
    ROOT = "house"  # stored so: where things lie, the sandbox; by an administrator of the warehouse
    POLICY = "policy"  # whether the warehouse requires signatures; by an administrator


@dataclass(frozen=True)
class Definition:
    """Something to be signed, or that must be: ``department`` is empty for the root and the policy."""

    kind: Subject
    name: str
    department: str
    fingerprint: str

    def __str__(self) -> str:
        if self.kind is Subject.ROOT:
            return "root"  # whatever it is stored as
        return self.name if self.kind is Subject.POLICY else f"{self.kind} {self.name}"

    @property
    def key(self) -> str:
        """How the memory calls it."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Signed:
    """A signature that counts."""

    number: int
    department: str
    fingerprint: str
    signer: str
    created: int


class Signatures:
    """The signatures of one warehouse, as this account sees them.

    Args:
        vault: The caller's vault.
        memory: What the account remembers; the caller saves it.
    """

    def __init__(self, vault: Vault, memory: Memory) -> None:
        self._vault, self._trust, self.memory = vault, vault.trust, memory

    @property
    def warehouse(self) -> str:
        """The warehouse's id."""
        return self._trust.warehouse

    # ------------------------------------------------------------ verifying

    def any(self, conn: Connection) -> bool:
        """Whether anybody ever signed anything here."""
        return conn.execute(select(table.c.id).limit(1)).first() is not None

    def names(self, conn: Connection, kind: Subject) -> dict[str, str]:
        """Every name of a kind that was ever signed, with the department of its newest signature.

        Also those that this account remembers, and of which the database has no signature any more; their
        department is empty.
        """
        query = select(table.c.name, table.c.department).where(table.c.kind == str(kind))
        rows = conn.execute(query.order_by(table.c.name, table.c.number)).all()
        met = (key.partition("/") for key in self.memory.of(self.warehouse).seen)
        remembered = {name: "" for one, _, name in met if one == str(kind)}
        return remembered | {row.name: row.department for row in rows}

    def newest(self, conn: Connection, kind: Subject, name: str) -> Signed | None:
        """The newest signature of a name, whatever it says; None where there never was one.

        Raises AccessRefused where it does not count, or rows were taken away or changed.
        """
        rows = seen.rows(conn, _SIGNED, kind=str(kind), name=name)
        key = f"{kind}/{name}"
        met, digest = self.memory.of(self.warehouse).seen.get(key, (0, ""))
        where = f"{kind} {name}"
        if [row.number for row in rows] != list(range(1, len(rows) + 1)) or len(rows) < met:
            raise _refused("somebody removed signatures from the database", where)
        if met and _digest(rows[met - 1]) != digest:
            raise _refused("somebody exchanged a signature in the database", where)
        if not rows:
            return None
        row = rows[-1]
        signer = self._verified(conn, row, where, unmet=row.number > met)
        moved = _first_of_department(rows)
        if moved.number > 1:
            _require_admin(moved, self._verified(conn, moved, where, unmet=False), where)
        self.memory.see(self.warehouse, key, row.number, _digest(row))
        return Signed(row.number, row.department, row.fingerprint, signer.shown, row.created)

    def check(self, conn: Connection, wanted: Definition) -> Signed:
        """The signature of this very definition. Raises AccessRefused."""
        found = self.newest(conn, wanted.kind, wanted.name)
        if found is None:
            raise _refused("nobody has signed this definition", str(wanted))
        if (found.fingerprint, found.department) != (wanted.fingerprint, wanted.department):
            raise _refused(
                f"the definition changed since {found.signer} signed it on {_day(found.created)}",
                str(wanted),
            )
        return found

    def _verified(self, conn: Connection, row: StoredRow, where: str, *, unmet: bool) -> Principal:
        try:
            signer = self._trust.principal(conn, row.signer)
        except (NotFound, IntegrityError):
            raise _refused("this warehouse does not know the signer of this definition", where) from None
        if not signer.keys.verifies(self._statement(row), row.signature):
            raise _refused("the signature of this definition is forged, or belongs to another one", where)
        now = clock.now()
        if self._trust.revoked(conn, row.signer, now):
            raise _refused(f"{signer.shown} signed this definition, and that key was revoked", where)
        if Subject(row.kind) in (Subject.ROOT, Subject.POLICY):
            _require_admin(row, signer, where)
            return signer
        scope = Scope(row.department)
        try:
            held = self._trust.held_at(conn, signer.id, scope, Role.OPERATOR, row.created)
            if not held or (unmet and not self._trust.held_at(conn, signer.id, scope, Role.OPERATOR, now)):
                had = "was" if not held else "is"
                raise _refused(
                    f"{signer.shown} signed this definition, and {had} not an operator of {row.department}",
                    where,
                )
        except IntegrityError:
            raise _refused(f"{signer.shown}'s grant on {row.department} is forged", where) from None
        return signer

    # ------------------------------------------------------------ signing

    def sign(
        self, conn: Connection, what: Definition, fields: Mapping[str, object], why: str, seal_for: str
    ) -> Signed:
        """Signs a definition with the caller's key.

        Args:
            conn: A write transaction.
            what: The definition.
            fields: The flat definition, sealed with the signature.
            why: The reason, sealed with it.
            seal_for: The department under whose record key they are sealed.

        Raises:
            AccessRefused: The caller may not sign this. IntegrityError.
        """
        self.require_right(conn, what)
        serialise(conn, f"definition {what.key}")
        query = select(table.c.number).where(table.c.kind == str(what.kind), table.c.name == what.name)
        number = max(conn.execute(query).scalars().all(), default=0) + 1
        key = self._vault.record_key(conn, Scope(seal_for), _PURPOSE)
        row_id = new_id()
        text = json.dumps({"fields": dict(fields), "why": why}, sort_keys=True, separators=(",", ":"))
        created = clock.now()
        values: dict[str, object] = {
            "id": row_id,
            "kind": str(what.kind),
            "name": what.name,
            "department": what.department,
            "number": number,
            "fingerprint": what.fingerprint,
            "created": created,
            "signer": self._vault.identity.public.id,
            "key_id": key.id,
            "details": self._vault.seal(key, _context(seal_for, row_id), text.encode()),
        }
        signature = self._vault.identity.sign(self._statement(_Values(values)))
        row = values | {"signature": signature}
        written.insert(conn, table, row, f"the signature of {what}")
        self.memory.see(self.warehouse, what.key, number, _digest(_Values(values | {"signature": signature})))
        return Signed(number, what.department, what.fingerprint, self._vault.principal, created)

    def require_right(self, conn: Connection, what: Definition) -> None:
        """Raises AccessRefused unless the caller may sign this now."""
        if what.kind in (Subject.ROOT, Subject.POLICY) or self._moves(conn, what):
            self._trust.require_authority(conn, self._vault.identity)
        if what.department:
            self._vault.require(conn, Scope(what.department), Role.OPERATOR)

    def _moves(self, conn: Connection, what: Definition) -> bool:
        query = select(table.c.department).where(table.c.kind == str(what.kind), table.c.name == what.name)
        last = conn.execute(query.order_by(table.c.number.desc()).limit(1)).scalar()
        return last is not None and last != what.department

    def details(self, conn: Connection, kind: Subject, name: str) -> Mapping[str, object]:
        """The flat definition that was signed last; empty without one, or where the caller may not see it.

        Raises AccessRefused where they may, and it does not open: who can write to the database can make
        away with a key, and what is not known of a definition must not pass for what is not in it.
        """
        query = select(table).where(table.c.kind == str(kind), table.c.name == name)
        row = conn.execute(query.order_by(table.c.number.desc()).limit(1)).one_or_none()
        if row is None:
            return {}
        try:
            key = self._vault.data_key(conn, row.key_id)
            text = self._vault.unseal(key, _context(key.scope.department, row.id), row.details)
        except KronkersError:
            if row.department and self._vault.role(conn, Scope(row.department)) is not None:
                raise _refused(
                    "you cannot open the details of the signed definition any more", f"{kind} {name}"
                ) from None
            return {}
        fields = (sealed_object(text) or {}).get("fields")
        return fields if isinstance(fields, dict) else {}

    def _statement(self, row: Any) -> bytes:
        return self._trust.statement(
            "definition",
            row.id,
            row.kind,
            row.name,
            row.department,
            row.number,
            row.fingerprint,
            row.created,
            row.signer,
            row.key_id,
            hashlib.sha256(row.details).hexdigest(),
        )


class _Values:
    """A row that is not in the database yet."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.__dict__.update(values)


def _require_admin(row: StoredRow, signer: Principal, where: str) -> None:
    if signer.authority != ADMIN:
        what = "moving a model to another department" if row.department else "signing this"
        raise _refused(f"{signer.shown} signed, but {what} needs an administrator of the warehouse", where)


def _digest(row: Any) -> str:
    return hashlib.sha256(row.signature).hexdigest()


def _first_of_department(rows: Sequence[StoredRow]) -> StoredRow:
    """The row with which the name came to the department that it is in now."""
    found = rows[-1]
    for row in reversed(rows):
        if row.department != found.department:
            break
        found = row
    return found


def _context(department: str, row_id: str) -> Context:
    return Context(Kind.RECORD, department, _PURPOSE, row_id)


def _day(timestamp: int) -> str:
    return clock.to_datetime(timestamp).date().isoformat()


def _refused(what: str, where: str) -> AccessRefused:
    return AccessRefused(
        what,
        where=where,
        fix="`kronkers plan` shows what changed. Then let an operator of its department run `kronkers sign`.",
    )
