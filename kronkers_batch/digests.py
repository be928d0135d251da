"""The two ways to make a digest of values: SHA-256 over canonical JSON, or over fields with their lengths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

FORMAT = 1

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None


# Made once: json.dumps makes an encoder at each call, which takes longer than a short value.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Json) -> str:
    """JSON with sorted keys and without spaces; refuses NaN and infinities with ValueError."""
    return _ENCODER.encode(value)


def of_json(value: Json) -> str:
    """SHA-256 (hex) of a value, by its canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def framed(*fields: str | int | bytes) -> bytes:
    """Fields, each as its length (8 bytes, little-endian) and its bytes: no two lists of fields are alike.

    Text is UTF-8 and an integer its decimal digits.
    """
    out = bytearray()
    for field in fields:
        raw = field if isinstance(field, bytes) else str(field).encode()
        out += len(raw).to_bytes(8, "little") + raw
    return bytes(out)


def of_fields(*fields: str | int | bytes) -> str:
    """SHA-256 (hex) of fields, by :func:`framed`."""
    return hashlib.sha256(framed(*fields)).hexdigest()


def fingerprint(purpose: str, fields: Mapping[str, Json]) -> str:
    """SHA-256 (hex) of flat fields, with what they are for and a format version."""
    return of_json({"format": FORMAT, "purpose": purpose, "fields": dict(fields)})


def scoring_digest(definition: Mapping[str, Json], champion_id: str, source_identity: str) -> str:
    """SHA-256 (hex) of what one output depends on: the definition, the champion, its source's identity.

    Code, parameters and estimator count through the champion's id: they are the champion's, not today's.
    """
    return fingerprint("scoring", {**definition, "champion": champion_id, "identity": source_identity})
