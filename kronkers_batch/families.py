"""A family of kinds: one file a kind in one folder, each with an object ``KIND``. A new file joins.

Nothing else lists the kinds: what is allowed in YAML, what the pages say and what the contract suites in
``tests/contract/`` run over comes from the folder. A file whose name begins with an underscore is no kind.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Generic, TypeVar

T = TypeVar("T")


class Member:
    """A kind that is one object of a class of its own. There is one of it, called as its file is."""

    @property
    def name(self) -> str:
        """As YAML, messages and the database have it."""
        return type(self).__module__.rpartition(".")[2]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _kind_of, (type(self).__module__,)  # in another process too there is one of it


class Family(Generic[T]):
    """The kinds of one folder, by name. Each is imported when it is first asked for.

    Args:
        package: The folder, as a package.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the kinds, which are those of their files, in order."""
        package: ModuleType = importlib.import_module(self._package)
        return _names(tuple(package.__path__))

    def __iter__(self) -> Iterator[T]:
        return (self[name] for name in self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> T:
        """The kind of this name. Raises KeyError where there is none."""
        if name not in self.names:
            raise KeyError(name)
        found: T = importlib.import_module(f"{self._package}.{name}").KIND
        return found


def _kind_of(module: str) -> object:
    return importlib.import_module(module).KIND


@functools.cache
def _names(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in pkgutil.iter_modules(folders) if not one.name.startswith("_")))
