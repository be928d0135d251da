"""The fixture ``house``, for the conftest.py of each folder that wants it."""

import shutil

import pytest

from tests.warehouse_support import House


@pytest.fixture(scope="session")
def house_template(tmp_path_factory):
    """A new warehouse, made once: making keys and tables takes longer than most tests."""
    root = tmp_path_factory.mktemp("template")
    House.make(root).db.close()
    return root


@pytest.fixture
def house(house_template, tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    shutil.copytree(house_template, tmp_path, dirs_exist_ok=True)
    house = House.open(tmp_path)
    yield house
    house.db.close()
