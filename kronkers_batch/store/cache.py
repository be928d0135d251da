"""A small cache of digests by content, kept between runs. Losing it costs time and nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from kronkers_batch import private


class ContentCache:
    """Maps digests of contents to short answers that are worked out once: one JSON file a kind.

    It holds digests and verdicts only, never contents. A damaged file counts as empty.

    Args:
        folder: Where the files go; made with mode 0700 at the first ``put``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, dict[str, str]] = {}

    def get(self, kind: str, key: str) -> str | None:
        """The cached answer, or None."""
        return self._load(kind).get(key)

    def put(self, kind: str, key: str, answer: str) -> None:
        """Remember an answer. The file is replaced as a whole, so that a reader never sees half of it."""
        entries = self._load(kind)
        entries[key] = answer
        private.own_folder(self._folder)
        private.replace(self._folder / f"{kind}.json", json.dumps(entries).encode())

    def _load(self, kind: str) -> dict[str, str]:
        if kind not in self._loaded:
            try:
                text = (self._folder / f"{kind}.json").read_text(encoding="utf-8")
                entries = json.loads(text)
            except (OSError, ValueError):
                entries = {}
            self._loaded[kind] = entries if isinstance(entries, dict) else {}
        return self._loaded[kind]


def digest(*parts: str | bytes) -> str:
    """SHA-256 (hex) over parts, each prefixed with its length, so that no two lists of parts are alike."""
    h = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        h.update(len(raw).to_bytes(8, "little") + raw)
    return h.hexdigest()
