"""No value of data, models or scores lies in clear anywhere on disk, not even after kill -9.

Values are planted in the source; their bytes are searched for, as text, as float64 and as the scores that the
model gives, in everything that the runs wrote: warehouse, artifacts, cache, reports, HOME, temporary folders.
"""

import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.company import PLANTED, PLANTED_NUMBER, Project

SHARED_MEMORY = Path("/dev/shm")


def needles(scores=()):
    planted = [PLANTED.encode(), repr(PLANTED_NUMBER).encode()[:12], struct.pack("<d", PLANTED_NUMBER)]
    return planted + [struct.pack("<d", s) for s in scores] + [repr(s).encode()[:14] for s in scores]


def found(folders, wanted):
    """Which files hold which of the wanted bytes."""
    hits = []
    for folder in folders:
        for path in Path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                hits += [(str(path), needle) for needle in wanted if needle in content]
    return hits


def written_by(project: Project):
    return [project.folder / "var", project.home, project.folder / "tmp"]


def test_the_search_finds_what_is_there(project):
    assert found([project.folder / "data"], needles())


def test_finished_nights_leave_no_plaintext(project, monkeypatch):
    (project.folder / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(project.folder / "tmp"))
    project.run("run", "--date", "2024-01-21")
    scores = [row["score"] for row in project.rows("read", "buys", "--date", "2024-01-21")]
    assert len(scores) == 40
    assert found([*written_by(project), SHARED_MEMORY], needles(scores)) == []


LATER = [pytest.param(seconds, marks=pytest.mark.long) for seconds in (0.9, 2.2, 4.0)]


@pytest.mark.parametrize("delay", [1.5, 3.0, *LATER])
def test_a_killed_night_leaves_no_plaintext_and_the_next_one_goes_on(fresh, monkeypatch, delay):
    (fresh.folder / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(fresh.folder / "tmp"))
    process = subprocess.Popen(
        fresh.command("run"),
        env=fresh.environment(),
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert found(written_by(fresh), needles()) == []
    states = fresh.states()
    assert set(states.values()) <= {"published", "up to date"}
    scores = [row["score"] for row in fresh.rows("read", "buys", "--date", "2024-01-20")]
    assert len(scores) == 40
    assert found(written_by(fresh), needles(scores)) == []
