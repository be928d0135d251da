"""Signatures that this process has verified: the same bytes, under the same key, need it once.

Whether a signature is of some bytes by some key never changes, unlike what the signer may do, which is asked
each time. Only what was found good is remembered, in memory, by a digest over all three.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

MOST = 32_768
"""How many are remembered: about 6 MB. The one unused for longest is forgotten first."""


class Verified:
    """Remembers good signatures. Threads may share one.

    Args:
        most: How many.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, name: bytes) -> bool:
        with self._lock:
            if name not in self._known:
                return False
            self._known.move_to_end(name)
            return True

    def add(self, name: bytes) -> None:
        """Remembers one."""
        with self._lock:
            self._known[name] = None
            if len(self._known) > self._most:
                self._known.popitem(last=False)


def named(key: bytes, message: bytes, signature: bytes) -> bytes:
    """What a signature is remembered by: SHA-256 over key, signature and message, which no other three have.

    Args:
        key: The public key, 32 bytes.
        message: What was signed.
        signature: 64 bytes, or whatever somebody gave as one.
    """
    running = hashlib.sha256(b"kronkers-batch verified 1")
    for part in (key, signature):
        running.update(len(part).to_bytes(8, "little") + part)
    running.update(message)
    return running.digest()
