"""A small cache of digests by content, kept between runs. Losing it costs time and nothing else."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.store.canonical import encode

_MOST = 1 << 26  # bytes of one file


class ContentCache:
    """Maps digests of contents to short answers that are worked out once: one JSON file a kind.

    It holds digests and verdicts only, never contents. A damaged file counts as empty, and so does an entry
    that was not made with the same key: what changed code or a changed environment is said to be decides
    whether it is the one that was signed.

    Args:
        folder: Where the files go; made with mode 0700 at the first ``put``.
        key: Who has it believes what was put with it. Empty is anybody.
    """

    def __init__(self, folder: Path, key: bytes = b"") -> None:
        self._folder, self._key = folder, key
        self._loaded: dict[str, dict[str, str]] = {}

    def get(self, kind: str, key: str) -> str | None:
        """The cached answer, or None."""
        name = self._mark(kind, key)
        answer, _, mark = self._load(kind).get(name, "").rpartition(" ")
        return answer if hmac.compare_digest(mark, self._mark(kind, name, answer)) else None

    def put(self, kind: str, key: str, answer: str) -> None:
        """Remember an answer. The file is replaced as a whole, so that a reader never sees half of it."""
        entries, name = self._load(kind), self._mark(kind, key)
        entries[name] = f"{answer} {self._mark(kind, name, answer)}"
        private.own_folder(self._folder)
        private.replace(self._folder / f"{kind}.json", json.dumps(entries).encode())

    def _mark(self, *parts: str) -> str:
        return hmac.digest(self._key, encode("kronkers-batch cached 1", *parts), "sha256").hex()

    def _load(self, kind: str) -> dict[str, str]:
        if kind not in self._loaded:
            try:
                raw = private.read(self._folder / f"{kind}.json", "cache", secret=False, most=_MOST)
                entries = json.loads(raw)
            except (private.Exposed, OSError, ValueError, RecursionError):
                entries = {}
            found = entries.items() if isinstance(entries, dict) else ()
            self._loaded[kind] = {k: v for k, v in found if isinstance(v, str) and v.isascii()}
        return self._loaded[kind]
