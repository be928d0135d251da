"""Append-only logs of which the newest row's signature vouches for all rows.

Each row names the row before by a digest over what was signed there and the signature. So one signature
covers a whole log, and no row can be changed, moved or taken out of its middle. That the newest rows were
taken away together shows in the ledger.

One table holds many logs. What a log is about, its columns and its words are declared by the room that it
belongs to: a subclass of :class:`Line` and one :class:`SignedLog`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select

from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.store import clock, questions, seen, written
from kronkers_batch.store.canonical import encode, sealed_object
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.vault.context import Context, DataKey, Role, Signature
from kronkers_batch.vault.vault import Vault

NONE = ""  # the ``previous`` of a first row
UNSIGNED = Signature("", "", b"")

Name = tuple[str, ...]
"""What tells one log of a table from the others: the values of the columns that name it."""


@dataclass(frozen=True, kw_only=True)
class Line(ABC):
    """One row of a log, as stored. Each field is the column of its name, of the log or of the version's row.

    What :meth:`SignedLog.append` works out has a default.
    """

    FORMAT: ClassVar[str]  # ends in the version of the format of what is signed
    SIGNED: ClassVar[tuple[str, ...]]  # the columns that are signed, in order; the details come last

    department: str  # of the version's row
    model: str
    version_id: str
    action: str
    sequence: int = 0
    at: int = 0
    previous: str = NONE
    details: bytes = b""
    signature: Signature = UNSIGNED

    @property
    @abstractmethod
    def context(self) -> Context:
        """What details and signature are bound to."""

    def statement(self) -> bytes:
        """What is signed."""
        signed = (getattr(self, name) for name in self.SIGNED)
        return encode(self.FORMAT, *signed, hashlib.sha256(self.details).hexdigest())

    def digest(self) -> str:
        """What the next row calls it: SHA-256 (hex) over what was signed and the signature."""
        linked = encode("kronkers-batch log row 1", self.statement(), self.signature.value)
        return hashlib.sha256(linked).hexdigest()

    def opened(self, vault: Vault, key: DataKey) -> Mapping[str, object] | None:
        """The details, by the record key of the row's version; None where they are no object."""
        return sealed_object(vault.unseal(key, self.context, self.details))


L = TypeVar("L", bound=Line)


@dataclass(frozen=True, eq=False)
class SignedLog(Generic[L]):
    """The logs of one table.

    Args:
        line: What a row is made into.
        table: Holds the rows.
        versions: Holds the versions that the rows are about, with the department of each.
        named: The columns that tell one log from another.
        least: The role whose signature counts.
        broken: What an error says of a log that was changed.
        fix: What to do then.
    """

    line: type[L]
    table: Table
    versions: Table
    named: tuple[str, ...]
    least: Role
    broken: str
    fix: str

    @functools.cached_property
    def rows(self) -> Select[tuple[object, ...]]:
        """All rows, each with the columns of its version that a line has besides."""
        of_version = (self.versions.c[name] for name in self._fields if name not in self.table.c)
        joined = select(self.table, *of_version)
        return joined.join(self.versions, self.versions.c.id == self.table.c.version_id)

    @functools.cached_property
    def in_order(self) -> Select[tuple[object, ...]]:
        """As :attr:`rows`, log by log, each oldest first."""
        return self.rows.order_by(*(self.table.c[name] for name in self.named), self.table.c.sequence)

    def lines(self, conn: Connection, vault: Vault, name: Name) -> list[L]:
        """As :meth:`logs`, of one. Raises IntegrityError."""
        return seen.given(self.logs(conn, vault, [name])[name])

    def logs(
        self, conn: Connection, vault: Vault, names: Sequence[Name]
    ) -> dict[Name, list[L] | KronkersError]:
        """The logs of these names by one statement, each oldest first and verified.

        Without what other departments wrote in them; empty where there is none. An IntegrityError is its own
        log's value.
        """
        found = seen.for_each(conn, names, lambda some: self._asked(conn, some))
        for name, log in found.items():
            if not isinstance(log, KronkersError):
                try:
                    found[name] = self._verified(conn, vault, log)
                except IntegrityError as error:
                    found[name] = error
        return found

    def selected(
        self, conn: Connection, vault: Vault, query: Select[tuple[object, ...]], values: Mapping[str, object]
    ) -> dict[Name, list[L]]:
        """As :meth:`logs`, of those that a query asks for: :attr:`in_order` of some logs, each whole.

        Without logs that are empty. Raises IntegrityError.
        """
        stored: dict[Name, list[L]] = {}
        for row in conn.execute(query, values).all():
            line = self._line(row)
            stored.setdefault(self._name(line), []).append(line)
        verified = {name: self._verified(conn, vault, log) for name, log in stored.items()}
        return {name: log for name, log in verified.items() if log}

    def append(
        self, conn: Connection, vault: Vault, key: DataKey, draft: L, details: Mapping[str, object], what: str
    ) -> L:
        """Adds a row to a log, signed by the caller.

        Args:
            conn: The write transaction in which the log was read; that makes it a compare-and-swap.
            vault: Seals and signs.
            key: The record key of the version that the row is about.
            draft: The row without what has a default.
            details: Sealed, as JSON.
            what: What messages call the row.

        Returns:
            The row as it is stored.
        """
        newest = self._newest(conn, self._name(draft))
        line = replace(
            draft,
            sequence=newest.sequence + 1 if newest else 1,
            # Times of a log rise, so that at each one there is one answer.
            at=max(clock.now(), newest.at + 1) if newest else clock.now(),
            previous=newest.digest() if newest else NONE,
        )
        line = replace(line, details=vault.seal(key, line.context, json.dumps(details).encode()))
        line = replace(line, signature=vault.sign(line.context, line.statement()))
        signed = {
            "signer": line.signature.principal,
            "signer_key": line.signature.key_id,
            "signature": line.signature.value,
        }
        plain = (column.name for column in self.table.columns if column.name not in signed)
        written.insert(conn, self.table, {name: getattr(line, name) for name in plain} | signed, what)
        return line

    def _verified(self, conn: Connection, vault: Vault, log: list[L]) -> list[L]:
        previous, at = NONE, -1
        for sequence, line in enumerate(log, start=1):
            # Times rise: what the log was at an earlier one are its first lines.
            if line.sequence != sequence or line.previous != previous or line.at <= at:
                raise IntegrityError(self.broken, where="/".join(self._name(line)), fix=self.fix)
            previous, at = line.digest(), line.at
        for line in reversed(log):
            # Each stands for all before it. One of another department is passed over, but only where it is
            # that: the department is a column of the version's row, and whose signature counts hangs on it.
            vault.verify(conn, line.context, line.statement(), line.signature, self.least)
            if vault.is_home(line.model, line.department):
                break
        return [line for line in log if vault.is_home(line.model, line.department)]

    def _asked(self, conn: Connection, names: Sequence[Name]) -> dict[Name, list[L]]:
        asked = questions.asked(conn, questions.texts(*self.named), names)
        query = self.in_order.join(asked, self._equal(asked.c.values()))
        found: dict[Name, list[L]] = {name: [] for name in names}
        for row in conn.execute(query).all():
            line = self._line(row)
            found[self._name(line)].append(line)
        return found

    def _newest(self, conn: Connection, name: Name) -> L | None:
        query = self.rows.where(self._equal(name))
        row = conn.execute(query.order_by(self.table.c.sequence.desc()).limit(1)).one_or_none()
        return None if row is None else self._line(row)

    def _equal(self, values: Iterable[object]) -> ColumnElement[bool]:
        return and_(*(self.table.c[name] == value for name, value in zip(self.named, values, strict=True)))

    def _name(self, line: L) -> Name:
        return tuple(getattr(line, name) for name in self.named)

    @functools.cached_property
    def _fields(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self.line))

    def _line(self, row: StoredRow) -> L:
        values = row._mapping
        given = {name: values[name] for name in self._fields}
        return self.line(**given | {"signature": Signature(row.signer, row.signer_key, row.signature)})


def until(log: Sequence[L], at: int | None) -> list[L]:
    """A verified log as it was at a timestamp (microseconds since the epoch); None is now."""
    return [line for line in log if at is None or line.at <= at]
