"""Whether each line of the ledger was written by who could do what it tells, by the lines before it.

A signature says who signed, not when: who was revoked can sign as of before, and with an account on the
database put in what they signed, and a line about it. But that line stands after the one that revoked them,
and those before it lie in the checkpoints. So the lines are gone through in order: who is let in, granted and
revoked, and what each could do by then. In the end that tells who must be in the database, and nobody else.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from kronkers_batch.errors import IntegrityError
from kronkers_batch.ledger.checkpoints import Checkpoint
from kronkers_batch.ledger.ledger import Entry
from kronkers_batch.policy import permissions
from kronkers_batch.policy.permissions import Who
from kronkers_batch.session.services import Services
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.ledger import ledger
from kronkers_batch.vault.context import Role, Scope, scope_of
from kronkers_batch.vault.trust import ADMIN

_FIX = "Restore the database from a backup made before the change, and find out who can write to it."
_ADMINISTRATOR = "administrator"
_WORDS = {"add": (3,), "grant": (3,), "revoke": (1, 2), "rotate": (1,)}
"""How many words the subjects of lines about people have."""


class Key(NamedTuple):
    """A public key that was let in: ``what`` is administrator, person or service."""

    what: str
    name: str
    issuer: str


class Standing:
    """Who could do what after the lines that were taken.

    Args:
        pinned: Id of the public key that the warehouse hangs on; its first line lets it in itself.
    """

    def __init__(self, pinned: str) -> None:
        self._pinned = pinned
        self._keys: dict[str, Key] = {}
        self._gone: set[str] = set()
        self._granted: Counter[tuple[str, str]] = Counter()
        self._held: dict[tuple[str, str], list[str]] = defaultdict(list)

    def take(self, entry: Entry) -> None:
        """The next line. Raises IntegrityError where who wrote it could not do what it tells."""
        need = permissions.need_of_line(entry.action, entry.subject)
        if need is None:
            return
        words = entry.subject.split(" ")
        if not self._could(entry, need, words):
            raise IntegrityError(
                f"entry {entry.seq} records an action for which its signer had no permission at that time",
                where="ledger",
                fix="Its signer was revoked, or never had the permission. Restore the newest backup made "
                "before this entry, and find out who can write to the database.",
            )
        if entry.action == "add":
            self._keys[words[2]] = Key(words[0], words[1], entry.signer)
        elif entry.action == "grant":
            self._granted[entry.subject, entry.signer] += 1
            self._held[words[0], words[2]].append(words[1])
        elif entry.action == "revoke" and len(words) == 1:
            self._gone.add(words[0])
        elif entry.action == "revoke":
            self._held.pop((words[0], words[1]), None)

    def _could(self, entry: Entry, need: permissions.Need, words: list[str]) -> bool:
        if not _well_formed(entry.action, words):
            return False
        known = self._keys.get(entry.signer)
        if known is None:
            return entry.signer == self._pinned and words == [_ADMINISTRATOR, entry.principal, self._pinned]
        if known.name != entry.principal or known.name in self._gone:
            return False
        administrator = known.what == _ADMINISTRATOR
        if isinstance(need, Who):
            return administrator
        if entry.action in permissions.PEOPLE:
            return administrator or self._has(known.name, Scope(scope_of(words[-1]).department), need)
        return self._has(known.name, scope_of(entry.department), need)

    def _has(self, name: str, scope: Scope, need: Role) -> bool:
        where = dict.fromkeys((str(scope), scope.department))
        return any(Role(role).covers(need) for one in where for role in self._held.get((name, one), ()))

    # ------------------------------------------------------------ what must be in the database now

    def compare(self, connection: Connection) -> None:
        """Exactly those public keys, grants and revocations are there. Raises IntegrityError."""
        # Whole tables, not by an index: who can write to the file can make one that leaves rows out.
        revoked = {row.subject for row in connection.execute(select(t.revocations))}
        people = {row.id: row for row in connection.execute(select(t.principals))}
        keys = {row.id: _key(row, people) for row in connection.execute(select(t.principal_keys))}
        for key_id in sorted(keys.keys() | self._keys.keys()):
            if keys.get(key_id) != self._keys.get(key_id):
                raise _other("public keys", f"key {key_id}")
            _same_revoked(keys[key_id].name, key_id in revoked, keys[key_id].name in self._gone)
        granted: Counter[tuple[str, str]] = Counter()
        held: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in connection.execute(select(t.grants)):
            name, scope = _name(row.principal_id, people), str(Scope(row.department, row.model))
            granted[f"{name} {row.role} {scope}", row.issuer] += 1
            if row.id not in revoked:
                held[name, scope].append(row.role)
        for subject, issuer in sorted(granted.keys() | self._granted.keys()):
            if granted[subject, issuer] != self._granted[subject, issuer]:
                raise _other("grants", subject)
        for name, scope in sorted(held.keys() | self._held.keys()):
            there, recorded = sorted(held[name, scope]), sorted(self._held[name, scope])
            _same_revoked(f"{name} on {scope}", len(there) < len(recorded), len(there) > len(recorded))
            if there != recorded:
                raise _other("valid grants", f"{name} on {scope}")


def _well_formed(action: str, words: list[str]) -> bool:
    """As this program writes lines about people."""
    if action in permissions.PEOPLE and len(words) not in _WORDS[action]:
        return False
    return action != "grant" or words[1] in list(Role)


def _name(principal: str, people: Mapping[str, Row[Any]]) -> str:
    return str(people[principal].name) if principal in people else ""


def _key(row: Row[Any], people: Mapping[str, Row[Any]]) -> Key:
    kind = people[row.principal_id].kind if row.principal_id in people else ""
    what = _ADMINISTRATOR if row.authority == ADMIN else str(kind)
    return Key(what, _name(row.principal_id, people), row.issuer)


def replayed(services: Services, connection: Connection, upto: int | None = None) -> Standing:
    """After the lines about people, each verified by itself, to an entry's number.

    Raises IntegrityError.
    """
    found = Standing(services.vault.trust.pin.keys.id)
    for entry in services.ledger.of_actions(connection, permissions.PEOPLE, upto):
        found.take(entry)
    return found


def digest(connection: Connection, upto: int) -> str:
    """SHA-256 (hex) over the hashes of the lines about people, to an entry's number."""
    table = ledger.c
    query = (
        select(table.hash).where(table.action.in_(permissions.PEOPLE), table.seq <= upto).order_by(table.seq)
    )
    return hashlib.sha256(b"".join(connection.execute(query).scalars())).hexdigest()


def require_same(connection: Connection, point: Checkpoint) -> None:
    """The lines about people are those that whoever wrote the checkpoint verified. Raises IntegrityError.

    Who was an administrator could put a line of theirs into the place of an older one, of before they were
    revoked: it breaks the chain, of which a run verifies what is new.
    """
    if point.people and point.people != digest(connection, point.seq):
        raise IntegrityError(
            f"somebody changed an entry about people before entry {point.seq}",
            where="ledger",
            fix="`kronkers ledger verify` names the entry. " + _FIX,
        )


def _same_revoked(who: str, there: bool, recorded: bool) -> None:
    if recorded and not there:
        raise IntegrityError(
            "the ledger recorded a revocation, and the database lacks it",
            where=who,
            fix="Run kronkers access revoke NAME again, and find out who can write to the database.",
        )
    if there and not recorded:
        raise IntegrityError(
            "the database has a revocation that the ledger did not record",
            where=who,
            fix="Somebody added it: delete its row from the table revocations, and find out who can write "
            "to the database.",
        )


def _other(what: str, where: str) -> IntegrityError:
    return IntegrityError(
        f"the {what} in the database differ from those that the ledger recorded", where=where, fix=_FIX
    )
