"""Ids: 26 lower-case characters, ordered by time of making (48 bits of milliseconds, 80 random bits)."""

from __future__ import annotations

import secrets
import time

from kronkers_batch.errors import IntegrityError

# Crockford's base 32 in lower case: sorts like the number it spells; no i, l, o, u to misread.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26


def new_id() -> str:
    """A new id; ids made in different milliseconds, on one clock, sort by time."""
    number = ((time.time_ns() // 1_000_000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether a text has the form of an id; where it comes from elsewhere, it may be anything."""
    # 26 characters hold 130 bits, an id 128: the first is at most 7.
    return len(text) == LENGTH and text[0] <= "7" and all(letter in _ALPHABET for letter in text)


def require(text: str, where: str) -> str:
    """The text, where it has the form of an id: what becomes the name of a file must be no path.

    Args:
        text: What a row of the database has in an id's place.
        where: What it is the id of, for the message.

    Raises IntegrityError.
    """
    if is_id(text):
        return text
    raise IntegrityError(
        "a row of the database has an id that is not valid",
        where=where,
        fix="Somebody added it: delete the row, and find out who can write to the database.",
    )
