"""How every kind of source is read: one module a kind, of the same name as where it is declared."""

from __future__ import annotations

import importlib

from kronkers_batch.config.discovered import module_of
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.data.source_kinds.base import Reader


def of(kind: str) -> Reader:
    """The reader of a kind. Raises ValueError without such a kind, TypeError where it has no reader."""
    if kind not in SOURCE_KINDS:
        raise ValueError("there is no such kind of source")
    module = importlib.import_module(f"{__name__}.{module_of(kind)}")
    reader = getattr(module, "READER", None)
    if not isinstance(reader, Reader):
        raise TypeError(f"{module.__name__} has no READER")
    return reader
