"""Every kind of source, as it is declared: one module a kind, which joins by being here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kronkers_batch.config.discovered import kinds
from kronkers_batch.config.source_kinds.base import SourceKind

SOURCE_KINDS: Final[Mapping[str, SourceKind]] = kinds(__name__, __path__, SourceKind)
"""The kinds by the word that ``kind:`` says."""
