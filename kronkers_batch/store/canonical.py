"""One way to make bytes of fields, for everything that is hashed, signed or bound into a ciphertext."""

from __future__ import annotations

import json
from typing import Any


def encode(label: str, *fields: str | int | bytes) -> bytes:
    """Label, then fields, each as its length (8 bytes, little-endian) and its bytes.

    Text is UTF-8 and an integer its decimal digits. No two lists of fields under one label give the same
    bytes, and the label, which ends in the format's version, keeps formats apart.
    """
    out = bytearray()
    for field in (label, *fields):
        raw = field if isinstance(field, bytes) else str(field).encode()
        out += len(raw).to_bytes(8, "little") + raw
    return bytes(out)


def sealed_object(plain: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes; None where they are none.

    That they were sealed says that somebody had the key, who may have written anything: no text, an object so
    deep that reading it takes all of the stack, a number of a million digits.
    """
    try:
        value = json.loads(plain)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
