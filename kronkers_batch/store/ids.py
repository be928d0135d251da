"""Ids: 26 lower-case characters, ordered by time of making (48 bits of milliseconds, 80 random bits)."""

from __future__ import annotations

import secrets
import time

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
