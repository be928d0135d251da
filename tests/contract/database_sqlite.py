"""Databases of SQLite, for the suite that every kind of database passes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.store.engine import Database
from tests.faults.test_exact_schema import CHANGES

__all__ = ["CHANGES"]


@contextmanager
def address(_request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/wh/x.db"


@contextmanager
def migrated(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    template = request.config.stash.get(_TEMPLATE, None)
    if template is None:
        factory = request.getfixturevalue("tmp_path_factory")
        template = request.config.stash[_TEMPLATE] = factory.mktemp("migrated") / "x.db"
        made = Database(Secret(f"sqlite:///{template}"))
        made.migrate()
        made.close()
    (folder / "wh").mkdir()
    shutil.copy(template, folder / "wh/x.db")
    yield f"sqlite:///{folder}/wh/x.db"


_TEMPLATE = pytest.StashKey[Path]()


def execute(url: str, *statements: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
