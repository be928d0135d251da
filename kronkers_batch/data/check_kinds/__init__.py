"""How every kind of check is judged: one module a kind, of the same name as where it is declared."""

from __future__ import annotations

import importlib

from kronkers_batch.config.check_kinds import CHECK_KINDS
from kronkers_batch.config.discovered import module_of
from kronkers_batch.data.check_kinds.base import Judge


def of(kind: str) -> Judge:
    """The judge of a kind. Raises ValueError without such a kind, TypeError where it has no judge."""
    if kind not in CHECK_KINDS:
        raise ValueError("there is no such kind of check")
    module = importlib.import_module(f"{__name__}.{module_of(kind)}")
    judge = getattr(module, "JUDGE", None)
    if not isinstance(judge, Judge):
        raise TypeError(f"{module.__name__} has no JUDGE")
    return judge
