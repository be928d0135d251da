"""One way to make a digest of values: SHA-256 over canonical JSON."""

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


def fingerprint(purpose: str, fields: Mapping[str, Json]) -> str:
    """SHA-256 (hex) of flat fields, with what they are for and a format version."""
    text = canonical({"format": FORMAT, "purpose": purpose, "fields": dict(fields)})
    return hashlib.sha256(text.encode()).hexdigest()


def scoring_digest(definition: Mapping[str, Json], champion_id: str, source_identity: str) -> str:
    """SHA-256 (hex) of what one output depends on: the definition, the champion, its source's identity.

    Code, parameters and estimator count through the champion's id: they are the champion's, not today's.
    """
    return fingerprint("scoring", {**definition, "champion": champion_id, "identity": source_identity})
