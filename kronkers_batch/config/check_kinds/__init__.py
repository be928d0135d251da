"""Every kind of check, as it is declared: one module a kind, which joins by being here."""

from __future__ import annotations

from typing import Final

from kronkers_batch.config.check_kind import CheckKind
from kronkers_batch.families import Family

CHECK_KINDS: Final[Family[CheckKind]] = Family(__name__, CheckKind)
"""The kinds by name."""
