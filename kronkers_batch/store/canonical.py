"""One way to make bytes of fields, for everything that is hashed, signed or bound into a ciphertext."""

from __future__ import annotations

import json
from typing import Any

from kronkers_batch.digests import framed


def encode(label: str, *fields: str | int | bytes) -> bytes:
    """Label, then fields, as :func:`~kronkers_batch.digests.framed`.

    The label, which ends in the format's version, keeps formats apart.
    """
    return framed(label, *fields)


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
