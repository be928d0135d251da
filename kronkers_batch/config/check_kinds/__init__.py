"""Every kind of check, as it is declared: one module a kind, which joins by being here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kronkers_batch.config.check_kinds.base import CheckKind
from kronkers_batch.config.discovered import kinds

CHECK_KINDS: Final[Mapping[str, CheckKind]] = kinds(__name__, __path__, CheckKind)
"""The kinds by name."""
