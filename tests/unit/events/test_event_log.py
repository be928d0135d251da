"""The structured log: a line an event, private, rotated, mended after a crash."""

from __future__ import annotations

import json
import os

import pytest

from kronkers_batch.errors import StoreError
from kronkers_batch.events import event_log
from kronkers_batch.events.event_log import EventLog
from kronkers_batch.events.outbox import Posted
from kronkers_batch.events.types import Commit


def event(position: int, **changes: object) -> Posted:
    fields = {
        "position": position, "at": 1_704_067_200_000_001, "kind": "held", "run": "r", "who": "ann",
        "department": "sales", "model": "buys", "task": "score", "state": "held",
        "subject": "buys/2024-01-01#1", "date": "2024-01-01", "seconds": 0.5,
    }  # fmt: skip
    return Posted(**(fields | changes))


def test_a_line_has_the_documented_fields_in_order():
    told = json.loads(event_log.line(event(7, commit=Commit("ab" * 20, "Ann", True))))
    assert list(told) == list(event_log.FIELDS)
    assert told["at"] == "2024-01-01T00:00:00.000001Z"
    assert told["next"] == "kronkers outputs buys"
    assert told["commit"] == {"id": "ab" * 20, "author": "Ann", "clean": True}
    assert json.loads(event_log.line(event(7)))["commit"] is None


def test_what_somebody_put_into_the_database_stays_on_its_line():
    text = event_log.line(event(1, model="a\nb\u202e\x1b[31m"))
    assert text.isascii()
    assert "\n" not in text
    assert "\x1b" not in text


def test_it_is_appended_to_and_is_nobody_elses(tmp_path):
    for position in (1, 2):
        EventLog(tmp_path).take([event(position)])
    path = event_log.path_in(tmp_path)
    assert [json.loads(line)["position"] for line in path.read_text().splitlines()] == [1, 2]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_it_is_rotated_by_size_and_the_oldest_goes(tmp_path):
    EventLog(tmp_path, size=1_000).take([event(position) for position in range(1, 101)])
    found = sorted(path.name for path in event_log.path_in(tmp_path).parent.iterdir())
    assert found == ["events.jsonl", *(f"events.jsonl.{n}" for n in range(1, event_log.KEPT + 1))]
    for path in event_log.path_in(tmp_path).parent.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_size <= 1_000
    newest = event_log.path_in(tmp_path).read_text().splitlines()[-1]
    assert json.loads(newest)["position"] == 100


@pytest.mark.parametrize("left", ['{"position": 2, "a', '{"position": 2'], ids=["long", "short"])
def test_a_line_that_a_killed_writer_left_torn_goes(tmp_path, left):
    EventLog(tmp_path).take([event(1)])
    with event_log.path_in(tmp_path).open("a") as file:
        file.write(left)
    EventLog(tmp_path).take([event(2)])
    assert [
        json.loads(line)["position"] for line in event_log.path_in(tmp_path).read_text().splitlines()
    ] == [1, 2]


def test_what_cannot_be_written_is_raised_and_not_lost(tmp_path):
    path = event_log.path_in(tmp_path)
    path.parent.mkdir(mode=0o700)
    (tmp_path / "elsewhere").write_text("")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        EventLog(tmp_path).take([event(1)])
    assert (tmp_path / "elsewhere").read_text() == ""
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(StoreError):
        EventLog(tmp_path).take([event(1)])
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError):
        EventLog(tmp_path).take([event(1)])


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(_self, _record):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(event_log._Handler, "format", full)
    with pytest.raises(StoreError, match="full"):
        EventLog(tmp_path).take([event(1)])


def test_a_new_file_is_made_through_no_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        event_log._Handler(tmp_path / "link", encoding="ascii")
    assert not (tmp_path / "elsewhere").exists()
