"""Companies under attack: made once, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import project, trained
from tests.faults import departments

__all__ = ["project", "trained"]


def _kept(folder: Path, *, signed: bool, run: bool) -> Path:
    made = departments.make(folder / "company", signed=signed)
    if run:
        made.run("run")
    shutil.copytree(made.folder, folder / "copy")
    return folder / "copy"


def _again(kept: Path) -> departments.Departments:
    """The company as it was when it was made, at the same path: a moved source is a changed one."""
    folder = kept.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return departments.Departments(folder)


@pytest.fixture(scope="session")
def _company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _kept(tmp_path_factory.mktemp("departments"), signed=False, run=True)


@pytest.fixture(scope="session")
def _signing_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _kept(tmp_path_factory.mktemp("signing"), signed=True, run=True)


@pytest.fixture
def company(_company: Path) -> departments.Departments:
    """Two departments after their first night; definitions need no signature."""
    return _again(_company)


@pytest.fixture
def signing_company(_signing_company: Path) -> departments.Departments:
    """The same, where only signed definitions run."""
    return _again(_signing_company)
