"""A family of kinds: one file a kind in one folder, each with one object. A new file joins.

Nothing else lists the kinds: what is allowed in YAML, what the pages say and what the contract suites in
``tests/contract/`` run over comes from the folder. A file whose name begins with an underscore is no kind;
what the kinds of a folder share stands beside the folder.
"""

from __future__ import annotations

import functools
import importlib
import keyword
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TypeVar

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


class Family(Mapping[str, T]):
    """The kinds of one folder by name, sorted. Each is imported when it is first asked for.

    Args:
        package: The folder, as a package.
        of: What each kind is an instance of; None does not ask.
        variable: What a kind's file calls its object.
    """

    def __init__(self, package: str, of: type[T] | None = None, variable: str = "KIND") -> None:
        self._package, self._of, self._variable = package, of, variable

    def __iter__(self) -> Iterator[str]:
        package: ModuleType = importlib.import_module(self._package)
        return iter(_names(tuple(package.__path__)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(name == one for one in self)

    def __getitem__(self, name: str) -> T:
        """The kind of this name.

        Raises:
            KeyError: There is none.
            TypeError: Its file does not hold one of its own name.
        """
        if name not in self:
            raise KeyError(name)
        module = f"{self._package}.{module_of(name)}"
        found: T | None = getattr(importlib.import_module(module), self._variable, None)
        fits = found is not None and (self._of is None or isinstance(found, self._of))
        if found is None or not fits or getattr(found, "name", name) != name:
            what = f", a {self._of.__name__} that is called as the file is" if self._of else ""
            raise TypeError(f"{module} has no {self._variable}{what}")
        return found


def module_of(name: str) -> str:
    """The module of a kind: its name, with ``_`` behind it where Python has that word for itself."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _kind_of(module: str) -> object:
    return importlib.import_module(module).KIND


@functools.cache
def _names(folders: tuple[str, ...]) -> tuple[str, ...]:
    found = (one.name for one in pkgutil.iter_modules(folders))
    return tuple(sorted(name.rstrip("_") for name in found if not name.startswith("_")))
