"""Every kind of source, as it is declared: one module a kind, which joins by being here."""

from __future__ import annotations

from typing import Final

from kronkers_batch.config.source_kind import SourceKind
from kronkers_batch.families import Family

SOURCE_KINDS: Final[Family[SourceKind]] = Family(__name__, SourceKind)
"""The kinds by the word that ``kind:`` says."""
