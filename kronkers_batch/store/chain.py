"""Rows of an append-only log that each name the row before.

The newest row's signature covers its ``previous``, which covers the row before, and so on: one signature
vouches for all of a log, and no row can be changed, moved or taken out of its middle. That the newest rows
were taken away together shows in the ledger.
"""

from __future__ import annotations

import hashlib

from kronkers_batch.store.canonical import encode

NONE = ""  # the ``previous`` of a first row


def digest(statement: bytes, signature: bytes) -> str:
    """What the next row's ``previous`` is: SHA-256 (hex) over what was signed and the signature."""
    return hashlib.sha256(encode("kronkers-batch log row 1", statement, signature)).hexdigest()
