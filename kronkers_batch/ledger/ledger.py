"""The ledger: who did what, to what and why; append-only, each entry bound to the one before it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Row, bindparam, func, or_, select

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.ledger.actions import ACTIONS, DECISIONS
from kronkers_batch.redaction import redacted
from kronkers_batch.store import clock, written
from kronkers_batch.store.canonical import encode, sealed_object
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.tables.ledger import ledger as table

GENESIS = bytes(32)
_FIX = (
    "Restore the last backup that `kronkers ledger verify` accepts, and find out who can write to the "
    "database."
)


class Keys(Protocol):
    """What the ledger needs of the vault, which lies above it."""

    @property
    def warehouse(self) -> str:
        """The warehouse's id."""

    def require(self, conn: Connection, action: str, subject: str, department: str) -> None:
        """Raises AccessRefused where the caller may not write this line now."""

    def seal(self, conn: Connection, department: str, seq: int, data: bytes) -> tuple[str, bytes]:
        """Seals an entry's details; returns the key's id and the ciphertext. Raises AccessRefused."""

    def unseal(self, conn: Connection, department: str, seq: int, key_id: str, blob: bytes) -> bytes:
        """The details. Raises AccessRefused, IntegrityError."""

    def sign(self, payload: bytes) -> tuple[str, bytes]:
        """Signs; returns the signing key's id and the signature."""

    @property
    def signer(self) -> str:
        """The id of the key that :meth:`sign` uses."""

    def check(self, conn: Connection, key_id: str, payload: bytes, signature: bytes, name: str = "") -> bool:
        """Whether a certified principal signed the payload, and has this name where one is given.

        Raises IntegrityError on a forged principal.
        """


@dataclass(frozen=True)
class Entry:
    """One entry; ``details`` is None where the caller may not see them. ``signer`` is a public key's id."""

    seq: int
    at: int
    principal: str
    action: str
    subject: str
    department: str
    details: Mapping[str, Any] | None
    signer: str


@dataclass(frozen=True)
class Head:
    """The last entry: its number (0 where there is none) and its hash."""

    seq: int
    hash: bytes


NOTHING = Head(0, GENESIS)
_MINE_AND_LAST = select(table.c.seq, table.c.hash).where(
    or_(table.c.seq == bindparam("mine"), table.c.seq == select(func.max(table.c.seq)).scalar_subquery())
)


class Ledger:
    """Appends entries and verifies the chain.

    ``decided`` says whether an entry about a decision was appended that no checkpoint has yet.
    """

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self._mine = NOTHING
        self.decided = False

    def append(
        self,
        conn: Connection,
        principal: str,
        action: str,
        subject: str,
        details: Mapping[str, Any] | None = None,
        *,
        department: str,
    ) -> int:
        """Adds an entry in the caller's write transaction: it stands when that commits, and only then.

        Args:
            conn: A write transaction.
            principal: Who did it.
            action: One of :data:`~kronkers_batch.ledger.actions.ACTIONS`; in clear.
            subject: What it was done to, such as ``NAME@3``; in clear.
            details: JSON values, sealed under the department's record key.
            department: Whose key: a department, or ``department/model``; may be empty without details.

        Returns:
            The entry's number.

        Raises:
            AccessRefused: The caller may not do this any more, or holds no key of the department.
            IntegrityError: What this process wrote before is gone.
        """
        if action not in ACTIONS:
            raise ValueError(f"the ledger has no sentence for {action!r}")
        details = redacted(details)
        if details and not department:
            raise ValueError("details need a department whose key seals them")
        serialise(conn, "ledger")
        self._keys.require(conn, action, subject, department)  # here: whose right ends gets no later line
        last = self.require_mine(conn, self.mine)
        seq, key_id, blob = last.seq + 1, "", b""
        if details:
            plain = json.dumps(details, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
            key_id, blob = self._keys.seal(conn, department, seq, plain)
        row = {
            "seq": seq,
            "at": clock.now(),
            "principal": principal,
            "action": action,
            "subject": subject,
            "department": department,
            "key_id": key_id,
            "details": blob,
            "previous": last.hash,
            "signer": self._keys.signer,
        }
        digest = entry_hash(row)
        _, signature = self._keys.sign(_signed(digest))
        whole = row | {"hash": digest, "signature": signature}
        done = Head(seq, digest)
        written.insert(
            conn, table, whole, f"entry {seq} of the ledger", found=functools.partial(self._remember, done)
        )
        self.decided = self.decided or action in DECISIONS
        return seq

    def _remember(self, done: Head) -> None:
        self._mine = max(self._mine, done, key=lambda one: one.seq)

    @property
    def mine(self) -> Head:
        """The last entry that this process wrote; number 0 where it wrote none."""
        return self._mine

    @staticmethod
    def require_mine(conn: Connection, mine: Head) -> Head:
        """Refuses a ledger without the last entry that this process wrote.

        A chain does not tell that its end was cut off; the next entry would go on from the one before.

        Args:
            conn: A transaction.
            mine: :attr:`mine` from before the transaction began, where that only reads: what another thread
                writes meanwhile is not there for it.

        Returns:
            The last entry as it stands there, not verified.

        Raises:
            IntegrityError: It is gone, or is another one.
        """
        there = {row.seq: row.hash for row in conn.execute(_MINE_AND_LAST, {"mine": mine.seq}).all()}
        if mine.seq and there.get(mine.seq) != mine.hash:
            raise _broken(mine.seq, "was changed or deleted after this process wrote it")
        return max((Head(*entry) for entry in there.items()), key=lambda one: one.seq, default=NOTHING)

    def entries(
        self, conn: Connection, *, after: int = 0, limit: int | None = None, subject: str | None = None
    ) -> Iterator[Entry]:
        """Entries in order, from number ``after`` + 1. Raises IntegrityError on details that do not open.

        ``subject`` is the one that they must have.
        """
        query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        if subject is not None:
            query = query.where(table.c.subject == subject)
        for row in conn.execute(query):
            yield _entry(row, self._details(conn, row))

    def of_actions(self, conn: Connection, actions: Iterable[str], upto: int | None = None) -> list[Entry]:
        """The entries of these actions, in order, to that number; without details.

        Each is verified by itself: that none is missing is not known before :meth:`verify`. Raises
        IntegrityError.
        """
        query = select(table).where(table.c.action.in_(list(actions))).order_by(table.c.seq)
        if upto is not None:
            query = query.where(table.c.seq <= upto)
        rows = conn.execute(query).all()
        for row in rows:
            self._require_signed(conn, row)
        return [_entry(row, None) for row in rows]

    def _require_signed(self, conn: Connection, row: Row[Any]) -> None:
        if entry_hash(dict(row._mapping)) != row.hash:
            raise _broken(row.seq, "was changed")
        # By name too: else anybody with a key could write down what somebody else did.
        if not self._keys.check(conn, row.signer, _signed(row.hash), row.signature, row.principal):
            raise _broken(row.seq, "has a signature that is not its signer's")

    def _details(self, conn: Connection, row: Row[tuple[object, ...]]) -> Mapping[str, Any] | None:
        if not row.key_id:
            return {}
        try:
            plain = self._keys.unseal(conn, row.department, row.seq, row.key_id, row.details)
        except (AccessRefused, NotFound):
            return None
        if (value := sealed_object(plain)) is None:
            raise _broken(row.seq, "has damaged details")
        return value

    def verify(self, after: Head | None = None) -> Head:
        """Goes through all entries, or those after one that is known to be good; returns the last.

        An end that was cut off does not show here; checkpoints show it (:mod:`.checkpoints`).

        Raises:
            IntegrityError: An entry was changed, deleted, put in, or moved; says which.
        """
        mine = self.mine
        with self._db.read() as conn:
            return self.verify_in(conn, mine, after)

    def verify_in(self, conn: Connection, mine: Head, after: Head | None = None) -> Head:
        """As :meth:`verify`, as of a transaction; ``mine`` as for :meth:`require_mine`."""
        last = after or NOTHING
        query = select(table).where(table.c.seq > last.seq).order_by(table.c.seq)
        for row in conn.execute(query.execution_options(yield_per=1000)):
            if row.seq != last.seq + 1:
                raise _broken(last.seq + 1, "is missing")
            if row.previous != last.hash:
                raise _broken(row.seq, "does not follow the entry before it")
            self._require_signed(conn, row)
            last = Head(row.seq, row.hash)
        self.require_mine(conn, mine)
        return last


def head(conn: Connection) -> Head:
    """The last entry as it stands there, not verified."""
    row = conn.execute(select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)).one_or_none()
    return NOTHING if row is None else Head(row.seq, row.hash)


def entry_hash(row: Mapping[str, Any]) -> bytes:
    """SHA-256 over all of an entry and the hash before it; pinned by a test vector."""
    names = ("seq", "at", "principal", "action", "subject", "department", "key_id", "details", "previous")
    fields = [row[n] for n in names]
    return hashlib.sha256(encode("kronkers-batch ledger 1", *fields, row["signer"])).digest()


def _entry(row: Row[Any], details: Mapping[str, Any] | None) -> Entry:
    fields = (row.seq, row.at, row.principal, row.action, row.subject, row.department)
    return Entry(*fields, details, row.signer)


def _signed(digest: bytes) -> bytes:
    return encode("kronkers-batch ledger entry 1", digest)


def _broken(seq: int, how: str) -> IntegrityError:
    return IntegrityError(f"entry {seq} {how}", where="ledger", fix=_FIX)
