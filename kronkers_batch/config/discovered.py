"""Kinds that join by being there: each module of a package declares one, and says it as ``KIND``."""

from __future__ import annotations

import importlib
import keyword
import pkgutil
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

BASE = "base"
"""The module of such a package that is no kind, but what the kinds share."""


class Named(Protocol):
    """What every kind has."""

    @property
    def name(self) -> str:
        """What YAML calls it."""


K = TypeVar("K", bound=Named)


def kinds(package: str, path: Iterable[str], of: type[K]) -> Mapping[str, K]:
    """The kinds of a package by name, sorted.

    Raises TypeError where a module declares none, or one of another name than its own.
    """
    found: dict[str, K] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(path)):
        if module == BASE:
            continue
        kind = getattr(importlib.import_module(f"{package}.{module}"), "KIND", None)
        if not isinstance(kind, of) or module_of(kind.name) != module:
            raise TypeError(
                f"{package}.{module} has no KIND, a {of.__name__} that is called as the module is"
            )
        found[kind.name] = kind
    return MappingProxyType(found)


def module_of(name: str) -> str:
    """The module of a kind: its name, with ``_`` behind it where Python has that word for itself."""
    return f"{name}_" if keyword.iskeyword(name) else name
