"""Sealing bytes: one version byte, then Cobblestone256 (C2SP chunked-encryption) over the bytes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from kronkers_batch.errors import IntegrityError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_VERSION = b"\x01"
KEY_BYTES = 32
RESTORE = (
    "Do not use it. Restore the last backup, and find out who can write to the database or the "
    "artifact store."
)


def generate_key() -> bytes:
    """A new random key of 32 bytes."""
    return Cobblestone256Encryptor.generate_key()


def seal(key: bytes, context: bytes, data: Buffer) -> bytes:
    """Encrypts ``data``; it opens under the same key and context only.

    The encryptor lives in this call alone: one that was made before a fork would repeat itself in both
    children.
    """
    return b"".join(seal_parts(key, context, data))


def seal_parts(key: bytes, context: bytes, data: Buffer) -> tuple[bytes, ...]:
    """What :func:`seal` returns, in parts that belong one after the other: megabytes are not copied again."""
    encryptor = Cobblestone256Encryptor(key, context)
    return _VERSION, encryptor.update(memoryview(data).cast("B")), encryptor.finalize()


def unseal(key: bytes, context: bytes, blob: Buffer, what: str) -> bytes:
    """Decrypts all of it, and returns nothing before the end was found authentic.

    Args:
        key: 32 bytes.
        context: As given to :func:`seal`.
        blob: What :func:`seal` returned.
        what: What messages call it.

    Raises:
        IntegrityError: Anything does not fit: a flipped bit, a missing end, another key or context.
    """
    return bytes(unseal_into(key, context, blob, bytearray, what))


def unseal_into(
    key: bytes, context: bytes, blob: Buffer, room: Callable[[int], Buffer], what: str
) -> memoryview:
    """As :func:`unseal`, but the plaintext lies in ``room(size)``, a writable buffer of so many bytes."""
    view = memoryview(blob).cast("B")
    if bytes(view[:1]) != _VERSION:
        raise IntegrityError("the encrypted data has an unknown format", where=what, fix=RESTORE)
    decryptor = Cobblestone256Decryptor(key, context)
    plain = memoryview(room(len(view))).cast("B")  # the ciphertext is longer by its header and tags
    try:
        # update hands out plaintext of a truncated chunk; only finalize() tells. Both come before the return.
        done = decryptor.update_into(view[1:], plain)
        rest = decryptor.finalize()
    except InvalidTag:
        raise IntegrityError(
            "the encrypted data was changed, cut off or moved here from another place",
            where=what,
            fix=RESTORE,
        ) from None
    plain[done : done + len(rest)] = rest
    return plain[: done + len(rest)]


def derive(key: bytes, label: str | bytes) -> bytes:
    """A key of 32 bytes for another use; it tells nothing about ``key``. HMAC-SHA256 over the label."""
    return hmac.digest(key, label.encode() if isinstance(label, str) else label, hashlib.sha256)


def view_key(key: bytes) -> bytes:
    """The part of a department's or model's key that a viewer holds: it opens records, not data."""
    return derive(key, "kronkers-batch view key 1")


def key_check(key: bytes) -> bytes:
    """A digest that tells whether a key is the right one without telling the key."""
    return derive(key, "kronkers-batch key check 1")
