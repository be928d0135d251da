"""The vault's keys as the ledger wants them."""

from __future__ import annotations

from sqlalchemy import Connection

from kronkers_batch.errors import NotFound
from kronkers_batch.policy import permissions
from kronkers_batch.vault.context import Context, Kind, scope_of
from kronkers_batch.vault.vault import Vault

_PURPOSE = "ledger"


class LedgerKeys:
    """Seals under the department's or model's record key, which viewers open; signs with the caller's key.

    What the ledger calls ``department`` is the text of a scope: ``sales``, or ``sales/buys`` for one model.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def warehouse(self) -> str:
        """The warehouse's id."""
        return self._vault.trust.warehouse

    @property
    def signer(self) -> str:
        """The id of the caller's public key."""
        return self._vault.identity.public.id

    def require(self, conn: Connection, action: str, subject: str, department: str) -> None:
        """Raises AccessRefused where the caller may not write this line now."""
        permissions.require_line(self._vault, conn, action, subject, scope_of(department))

    def seal(self, conn: Connection, department: str, seq: int, data: bytes) -> tuple[str, bytes]:
        """The key's id and the sealed details. Raises AccessRefused."""
        key = self._vault.record_key(conn, scope_of(department), _PURPOSE)
        return key.id, self._vault.seal(key, _context(department, seq), data)

    def unseal(self, conn: Connection, department: str, seq: int, key_id: str, blob: bytes) -> bytes:
        """The details. Raises AccessRefused, IntegrityError."""
        return self._vault.unseal(self._vault.data_key(conn, key_id), _context(department, seq), blob)

    def sign(self, payload: bytes) -> tuple[str, bytes]:
        """The caller's key id and its signature."""
        identity = self._vault.identity
        return identity.public.id, identity.sign(self._vault.trust.statement("ledger", payload))

    def check(self, conn: Connection, key_id: str, payload: bytes, signature: bytes, name: str = "") -> bool:
        """Whether a certified principal (of this name, where one is given) signed it.

        Raises IntegrityError on a forged principal.
        """
        try:
            signer = self._vault.trust.principal(conn, key_id)
        except NotFound:
            return False
        if name not in ("", signer.name):
            return False
        return signer.keys.verifies(self._vault.trust.statement("ledger", payload), signature)


def _context(department: str, seq: int) -> Context:
    return Context(Kind.RECORD, department, _PURPOSE, str(seq))
