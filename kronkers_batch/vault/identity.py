"""A principal's own secret keys, and what it shows of them to others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.ids import new_id
from kronkers_batch.vault import sealing
from kronkers_batch.vault.undumpable import make_undumpable
from kronkers_batch.vault.verified import Verified, named

MLKEM_SEED, MLKEM_PUBLIC = 64, 1184
SMALL = 32  # bytes of an X25519 or Ed25519 key, private or public

# docs/decisions/0005: sealed keys must stay shut when somebody keeps them until quantum computers exist.
_SUITE = (hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)

_VERIFIED = Verified()  # of the process: what it holds cannot change


@dataclass(frozen=True)
class PublicKeys:
    """What others know of a principal.

    ``hpke`` is the ML-KEM-768 public key (1,184 bytes) and the X25519 one (32); ``sign`` is Ed25519's (32).
    """

    hpke: bytes
    sign: bytes

    def __post_init__(self) -> None:
        if len(self.hpke) != MLKEM_PUBLIC + SMALL or len(self.sign) != SMALL:
            raise ValueError("public keys have a fixed length")

    @cached_property
    def id(self) -> str:
        """32 hexadecimal digits that stand for both keys."""
        return hashlib.sha256(encode("kronkers-batch public keys 1", self.hpke, self.sign)).hexdigest()[:32]

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encrypts to this principal (HPKE base mode; who sent it is said by a signature elsewhere).

        Raises ValueError when the public key is not one.
        """
        key = hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.hpke[:MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(self.hpke[MLKEM_PUBLIC:]),
        )
        return hpke.Suite(*_SUITE).encrypt(plaintext, key, info=info)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether this principal signed the message; verified once a process for the same three."""
        name = named(self.sign, message, signature)
        if name in _VERIFIED:
            return True
        try:
            Ed25519PublicKey.from_public_bytes(self.sign).verify(signature, message)
        except InvalidSignature:
            return False
        _VERIFIED.add(name)
        return True


class Identity:
    """A principal's secret keys, in memory. Its repr shows none, and it does not pickle.

    Args:
        id: The principal's id.
        name: Its name, for people.
        mlkem_seed: 64 bytes (the hybrid key has no serialisation of its own, so its seeds are kept).
        x25519: 32 bytes.
        ed25519: 32 bytes, the signing key's seed.
    """

    def __init__(self, id: str, name: str, mlkem_seed: bytes, x25519: bytes, ed25519: bytes) -> None:
        if (len(mlkem_seed), len(x25519), len(ed25519)) != (MLKEM_SEED, SMALL, SMALL):
            raise ValueError("secret keys have a fixed length")
        make_undumpable()
        self.id, self.name = id, name
        self.secrets = (mlkem_seed, x25519, ed25519)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(mlkem_seed)
        exchange = X25519PrivateKey.from_private_bytes(x25519)
        self._hpke = hpke.MLKEM768X25519PrivateKey(mlkem, exchange)
        self._sign = Ed25519PrivateKey.from_private_bytes(ed25519)
        self.public = PublicKeys(
            mlkem.public_key().public_bytes_raw() + exchange.public_key().public_bytes_raw(),
            self._sign.public_key().public_bytes_raw(),
        )

    @classmethod
    def generate(cls, name: str) -> Identity:
        """A new principal."""
        return cls(
            new_id(),
            name,
            MLKEM768PrivateKey.generate().private_bytes_raw(),
            X25519PrivateKey.generate().private_bytes_raw(),
            Ed25519PrivateKey.generate().private_bytes_raw(),
        )

    def unseal(self, sealed: bytes, info: bytes, what: str) -> bytes:
        """Decrypts what was sealed to this principal. Raises IntegrityError."""
        try:
            return hpke.Suite(*_SUITE).decrypt(sealed, self._hpke, info=info)
        except (InvalidTag, ValueError):
            raise IntegrityError(
                "somebody changed or exchanged a key that was given to you",
                where=what,
                fix="Ask the administrator to restore the database from a backup, or to grant your role "
                "again.",
            ) from None

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return self._sign.sign(message)

    def derive(self, label: str) -> bytes:
        """A key of 32 bytes for a use of this principal's own; it tells nothing about the others."""
        return sealing.derive(self.secrets[2], encode("kronkers-batch own key 1", label))

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, {self.public.id})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("an identity is not pickled")
