"""The vault as other rooms see it: keys of versions, sealing, signing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, Connection

from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.store import clock, pending, transaction, written
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.engine import serialise
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import Context, DataKey, Kind, Role, Scope, Signature
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.key_cache import KeyCache
from kronkers_batch.vault.keys import Keyring
from kronkers_batch.vault.pin import Pin
from kronkers_batch.vault.trust import Grant, Trust

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MANIFESTS = 64  # of 100M rows each, they would take 50 MB


class Vault:
    """Seals and opens with the caller's keys. Threads may share one; nothing in it survives to disk.

    Args:
        identity: The caller.
        pin: The administrator that the warehouse hangs on.

    ``homes`` says in which department each declared model is. Its name alone says nothing: who may write for
    another department's model of the same name would else write for this one.
    """

    def __init__(self, identity: Identity, pin: Pin) -> None:
        self.identity = identity
        self.trust = Trust(pin)
        self.ring = Keyring(identity, self.trust)
        self.manifests: KeyCache[bytes, object] = KeyCache(entries=_MANIFESTS)
        self._signers: set[tuple[str, Scope, Role]] = set()
        self.homes: Mapping[str, str] = {}

    @property
    def principal(self) -> str:
        """The caller's name."""
        return self.identity.name

    # ------------------------------------------------------------ keys

    def new_data_key(self, conn: Connection, scope: Scope, kind: Kind, version_id: str) -> DataKey:
        """A new key for one version's data, wrapped in the database when the transaction commits.

        Raises AccessRefused when the caller holds no key of the scope.
        """
        return self.ring.new_data_key(conn, scope, kind, version_id)

    def data_key(self, conn: Connection, key_id: str) -> DataKey:
        """The key of that id.

        Raises AccessRefused without a grant, NotFound when it was shredded, IntegrityError.
        """
        return self.ring.data_key(conn, key_id)

    def fetch_keys(self, conn: Connection, key_ids: Iterable[str]) -> None:
        """Has :meth:`data_key` find these in one statement, where ``conn`` is a read transaction."""
        self.ring.fetch_data_keys(conn, key_ids)

    def fetch_filter_keys(self, conn: Connection) -> None:
        """Has :meth:`filter_key` find those of all scopes in two statements, as above."""
        self.ring.fetch_filter_keys(conn)

    def fetch_record_keys(self, conn: Connection, scopes: Iterable[Scope], purpose: str) -> None:
        """Has :meth:`record_key` find those of these scopes in two statements, as above."""
        self.ring.fetch_record_keys(conn, scopes, purpose)

    def filter_key(self, conn: Connection, scope: Scope) -> bytes:
        """The 32 bytes for keyed hashes of a scope's entity keys; rotation does not change them.

        Made on first use, which needs a write transaction. Raises AccessRefused, NotFound.
        """
        ring, named = self.ring, (scope, Kind.FILTER, "filter")

        def make() -> DataKey:
            return ring.new_data_key(conn, *named)

        return self._made_once(conn, scope, "filter", lambda: ring.find_data_key(conn, *named), make).key

    def record_key(self, conn: Connection, scope: Scope, purpose: str) -> DataKey:
        """The key for small records of one purpose (a fixed word), which viewers can open.

        Another one after each rotation, because who was revoked may have kept the old one; so the key's id is
        stored with what is sealed. It is derived from the key in use: nobody can put another in its place.
        Made on first use, which needs a write transaction. Raises AccessRefused, NotFound, IntegrityError.
        """
        parent = self.ring.active(conn, scope, make=transaction.writes(conn))
        return self._made_once(
            conn,
            scope,
            purpose,
            lambda: self.ring.record_key(conn, parent, purpose),
            lambda: self.ring.make_record_key(conn, parent, purpose),
        )

    def _made_once(
        self,
        conn: Connection,
        scope: Scope,
        purpose: str,
        find: Callable[[], DataKey | None],
        make: Callable[[], DataKey],
    ) -> DataKey:
        if found := find():
            return found
        if not transaction.writes(conn):
            # A reader must not make keys; and where none was made, nothing was written under it.
            self.ring.active(conn, scope)
            raise NotFound(
                f"no key for {purpose!r} exists yet: nothing was written with it", where=str(scope)
            )
        serialise(conn, f"key {scope} {purpose}")
        return find() or make()

    def key_of(self, conn: Connection, key_id: str, scope: Scope, kind: Kind, version_id: str) -> DataKey:
        """As :meth:`data_key`, of just this: what is sealed now must not lie under a key of somebody else.

        Which key is a version's stands in its row, and who can write to the database can name another.
        """
        key = self.ring.data_key(conn, key_id)
        if (key.scope, key.kind, key.version_id) != (scope, kind, version_id):
            raise IntegrityError(
                "somebody exchanged the key of this version for the key of another one",
                where=f"{kind} {scope} {version_id}",
                fix=sealing.RESTORE,
            )
        return key

    def mark(self, conn: Connection, scope: Scope, statement: bytes) -> bytes:
        """What only who has the key in use of a scope can make of a statement; another one after a rotation.

        Raises AccessRefused for who may only view.
        """
        active = self.ring.active(conn, scope)
        fields = (self.trust.warehouse, scope.department, scope.model, active.id, statement)
        return sealing.derive(self.ring.need_full(active), encode("kronkers-batch mark 1", *fields))

    def shred(self, conn: Connection, key_id: str) -> None:
        """Deletes a data key: what is sealed under it can never be opened again.

        Call :meth:`Database.scrub` after the commit, or the key stays in the write-ahead log.
        """
        gone = {"wrapped": None, "shredded": clock.now()}
        written.update(conn, t.data_keys, {"id": key_id}, gone, "a shredded key", lasting=("wrapped",))
        pending.mark_deleted_keys(conn)
        self.ring.forget_data_key(key_id)

    # ------------------------------------------------------------ sealing

    def seal(self, key: DataKey, context: Context, data: Buffer) -> bytes:
        """Encrypts; it opens under this key and context only."""
        return sealing.seal(key.key, context.encode(), data)

    def seal_parts(self, key: DataKey, context: Context, data: Buffer) -> tuple[bytes, ...]:
        """As :meth:`seal`, in parts to be written one after the other."""
        return sealing.seal_parts(key.key, context.encode(), data)

    def unseal_into(
        self, key: DataKey, context: Context, blob: Buffer, room: Callable[[int], Buffer]
    ) -> memoryview:
        """As :meth:`unseal`, into the writable buffer that ``room(size)`` gives."""
        return sealing.unseal_into(key.key, context.encode(), blob, room, str(context))

    def unseal(self, key: DataKey, context: Context, blob: Buffer) -> bytes:
        """Decrypts; returns nothing before all of it was found authentic. Raises IntegrityError."""
        return sealing.unseal(key.key, context.encode(), blob, str(context))

    # ------------------------------------------------------------ signing

    def sign(self, context: Context, payload: bytes) -> Signature:
        """Signs sealed bytes in their context, with the caller's key."""
        value = self.identity.sign(self._signed(context, payload))
        return Signature(self.identity.name, self.identity.public.id, value)

    def verify(
        self,
        conn: Connection,
        context: Context,
        payload: bytes,
        signature: Signature,
        least: Role = Role.OPERATOR,
    ) -> None:
        """Checks the signature, that its key is certified up to the pin, and the signer's role.

        Raises IntegrityError.
        """
        try:
            signer = self.trust.principal(conn, signature.key_id)
        except NotFound:
            raise _unsigned(context, "this warehouse does not know the signer") from None
        if not signer.keys.verifies(self._signed(context, payload), signature.value):
            raise _unsigned(context, "the signed data was changed or moved here from another place")
        if signature.principal != signer.name:  # the name is shown to people
            raise _unsigned(context, f"{signer.shown} signed, and the record names somebody else")
        owner = context.owner
        asked = (signer.id, owner, least)
        if asked in self._signers:
            return
        if not self.trust.ever_granted(conn, signer.id, (Scope(owner.department), owner), least):
            raise _unsigned(context, f"{signer.shown} signed without the role {least} there")
        self._signers.add(asked)

    def _signed(self, context: Context, payload: bytes) -> bytes:
        return encode("kronkers-batch signed 1", self.trust.warehouse, context.encode(), payload)

    def is_home(self, model: str, department: str) -> bool:
        """Whether what this department wrote for a model of this name is of the model that is declared."""
        return self.homes.get(model, department) == department

    def at_home(self, model: str, department: Column[str]) -> ColumnElement[bool]:
        """:meth:`is_home` as a condition on a table's rows."""
        return department == self.homes.get(model, department)

    # ------------------------------------------------------------ rights

    def held(self, conn: Connection) -> list[Grant]:
        """Every grant of the caller that holds now, verified."""
        return self.trust.grants(conn, principal_id=self.identity.id)

    def role(self, conn: Connection, scope: Scope) -> Role | None:
        """The caller's highest role on a scope now, by grants on it or on its department."""
        return highest(self.held(conn), scope)

    def require(self, conn: Connection, scope: Scope, role: Role) -> None:
        """Raises AccessRefused unless the caller holds the role, or a higher one, on the scope."""
        held = self.role(conn, scope)
        if held is None or not held.covers(role):
            have = f"your role is {held}" if held else "you hold no grant on it"
            raise AccessRefused(
                f"this needs the role {role} on {scope}; {have}",
                where=self.identity.name,
                fix=f"Ask {self.trust.administrator(conn)} to run: "
                f"kronkers access grant {self.identity.name} {role} {scope}",
            )


def highest(grants: Iterable[Grant], scope: Scope) -> Role | None:
    """The highest role that grants give on a scope, by themselves or through its department."""
    roles = [g.role for g in grants if g.scope in (scope, Scope(scope.department))]
    return max(roles, key=list(Role).index, default=None)


def _unsigned(context: Context, how: str) -> IntegrityError:
    return IntegrityError(f"the signature is not valid: {how}", where=str(context), fix=sealing.RESTORE)
