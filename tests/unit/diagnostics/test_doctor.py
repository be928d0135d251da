"""What ``doctor`` finds of the folders that a run writes to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.diagnostics import doctor
from kronkers_batch.session import space as rooms


def test_a_folder_that_can_be_written_is_well_also_before_it_is_made(tmp_path: Path) -> None:
    assert rooms.nearest(tmp_path / "not" / "yet") == rooms.nearest(tmp_path) == tmp_path
    found = doctor._room(rooms.examined("home folder", tmp_path))
    assert (found.ok, found.fix) == (True, "")
    assert found.found.startswith(f"{tmp_path}, ")


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE", 2**80)
    found = doctor._room(rooms.examined("home folder", tmp_path))
    assert not found.ok
    assert found.fix == "make room on the disk before the next night"


def test_a_key_that_is_not_there_is_made_or_was_lost(tmp_path: Path) -> None:
    def said(url: str) -> str:
        return doctor._first_or_lost(SimpleNamespace(warehouse=SimpleNamespace(url=Secret(url))))  # type: ignore[arg-type]

    database = tmp_path / "x.db"
    assert said(f"sqlite:///{database}") == doctor._FIRST
    database.touch()
    assert said(f"sqlite:///{database}") == doctor._LOST
    on_a_server = said("postgresql://ann@db.example.org/house")
    assert doctor._FIRST in on_a_server
    assert doctor._LOST in on_a_server
