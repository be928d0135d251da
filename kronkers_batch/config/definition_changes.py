"""What differs between two definitions, in words."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.fingerprint import FILES
from kronkers_batch.config.own_measure import is_measure_code
from kronkers_batch.digests import Json, canonical

_DIGESTS = ("code", "environment", "artifact", "golden")
"""Keys whose values are digests, of which only is said that they changed."""


def changes(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    """What differs between two definitions, sorted: ``parameters.C: 1.0 -> 0.5``."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            lines.append(f"{key}: added" if _is_digest(key) else f"{key}: added {_shown(new[key])}")
        elif key not in new:
            lines.append(f"{key}: removed" if _is_digest(key) else f"{key}: removed {_shown(old[key])}")
        elif canonical(old[key]) != canonical(new[key]):
            lines.append(
                f"{key}: changed" if _is_digest(key) else f"{key}: {_shown(old[key])} -> {_shown(new[key])}"
            )
    return lines


def _is_digest(key: str) -> bool:
    return key in _DIGESTS or key.startswith(FILES) or is_measure_code(key)


def _shown(value: Json) -> str:
    text = canonical(value)
    return text if len(text) <= 80 else text[:77] + "..."
