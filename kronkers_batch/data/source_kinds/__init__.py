"""How every kind of source is read: one module a kind, of the same name as where it is declared."""

from __future__ import annotations

import importlib

from kronkers_batch.config.discovered import module_of
from kronkers_batch.data.source_kinds.base import Reader


def of(kind: str) -> Reader:
    """The reader of a kind. Raises TypeError where its module has none."""
    module = importlib.import_module(f"{__name__}.{module_of(kind)}")
    reader = getattr(module, "READER", None)
    if not isinstance(reader, Reader):
        raise TypeError(f"{module.__name__} has no READER")
    return reader
