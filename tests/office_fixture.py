"""The fixture ``office``: a new warehouse, copied for each test."""

import shutil

import pytest

from tests.warehouse_support import Office


@pytest.fixture(scope="session")
def office_template(tmp_path_factory):
    """A new warehouse, made once: making keys and tables takes longer than most tests."""
    root = tmp_path_factory.mktemp("template")
    Office.make(root).db.close()
    return root


@pytest.fixture
def office(office_template, tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    shutil.copytree(office_template, tmp_path, dirs_exist_ok=True)
    office = Office.open(tmp_path)
    yield office
    office.db.close()
