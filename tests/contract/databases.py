"""The kinds of databases, as tests make them: `database_NAME.py` for each file of `store/databases/`.

Each such file has `address(request, folder)`, which gives the URL of a new, empty database for a block;
`migrated(request, folder)`, which gives that of a new one with its tables, quickly; `execute(url, ...)`,
which runs statements as somebody else's program; and `CHANGES`, ways to change the schema, by the words of
the error.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest

from kronkers_batch.store.databases import DATABASES

KINDS = tuple(DATABASES)


def made(kind: str) -> ModuleType:
    return importlib.import_module(f"tests.contract.database_{kind}")


def address(request: pytest.FixtureRequest, folder: Path) -> AbstractContextManager[str]:
    """The URL of a new, empty database of the kind that a fixture's parameter names."""
    found: AbstractContextManager[str] = made(request.param).address(request, folder)
    return found
