"""What ``doctor`` finds of the folder that a run writes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from kronkers_batch.steps import doctor


def test_a_home_folder_that_can_be_written_is_well_also_before_it_is_made(tmp_path: Path) -> None:
    for home in (tmp_path, tmp_path / "not" / "yet"):
        found = doctor._home(home)
        assert (found.ok, found.needed, found.fix) == (True, True, "")
        assert found.found.startswith(f"{home}, ")


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM", 2**80)
    found = doctor._home(tmp_path)
    assert not found.ok
    assert found.fix == "make room on its disk"
