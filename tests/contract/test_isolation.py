"""What a model's code cannot do in the sandbox; without one it can, which proves that it is the sandbox."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.runtimes import process
from tests.contract.test_failures import becomes

ROOT = Path(__file__).parents[2]
ROWS = pl.DataFrame({"x": [1.0]})
BOTH = pytest.mark.parametrize(
    ("sandbox", "expected"), [(SandboxPolicy.REQUIRE, 0.0), (SandboxPolicy.OFF, 1.0)], ids=["sandbox", "off"]
)


def score(worker) -> float:
    return worker.score(ROWS)["score"][0]


@pytest.mark.parametrize("sandbox", [SandboxPolicy.REQUIRE, SandboxPolicy.OFF])
def test_the_network(lab, fitted, sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert score(fitted("network", parameters={"port": port}, sandbox=sandbox)) == 0.0


def test_the_network_without_sandbox_and_filter(lab, fitted, monkeypatch):
    """What shows that the case's code could reach it."""
    monkeypatch.setattr(process, "_confine_bare_workers", lambda: None)
    monkeypatch.setattr(process, "_starting", process._starters())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert score(fitted("network", parameters={"port": port}, sandbox=SandboxPolicy.OFF)) == 1.0


def one_each(worker, paths) -> list[float]:
    return worker.score(pl.DataFrame({"x": [0.0] * len(paths)}))["score"].to_list()


@BOTH
def test_keys_other_departments_and_the_machine(lab, fitted, open_folder, sandbox, expected):
    """Also what its own folder links to."""
    key, colleague = open_folder / "identity.key", open_folder / "colleague" / f"model{lab.models.SUFFIX}"
    link = open_folder / "read_files" / "link"
    for path in (colleague, link):
        path.parent.mkdir(mode=0o755)
    for path in (key, colleague):
        path.write_text("secret")
        path.chmod(0o644)
    link.symlink_to(key)
    paths = [str(path) for path in (key, colleague, link, "/etc/passwd", "/proc/1/cwd/etc/passwd")]
    paths.append(str(lab.place("read_files")))  # its own; without the sandbox it lies elsewhere
    *others, first_process, own = one_each(
        fitted("read_files", parameters={"paths": paths}, sandbox=sandbox), paths
    )
    assert others == [expected] * 4
    assert first_process in (0.0, expected)  # without the sandbox, readable to root alone
    assert own == 1.0 - expected


@BOTH
def test_other_processes(lab, fitted, sandbox, expected):
    mark = f"mark-of-another-{time.time_ns()}"
    with subprocess.Popen(["sh", "-c", "read line", mark], stdin=subprocess.PIPE, env={"SECRET": mark}):
        worker = fitted("processes", parameters={"mark": mark}, sandbox=sandbox)
        assert score(worker) == expected


def test_its_own_folder_and_the_system_are_not_writable(lab, fitted):
    # Names of their own: whatever else is in this machine's folders says nothing about the worker.
    name = f"new-{time.time_ns()}"
    paths = [lab.place("write_file").with_name(name), Path("/", name), Path("/tmp", name)]
    worker = fitted("write_file", parameters={"paths": [str(path) for path in paths]})
    assert one_each(worker, paths) == [0.0, 0.0, 1.0]
    assert not any(path.exists() for path in paths)


@BOTH
def test_the_environment_of_the_parent(lab, fitted, monkeypatch, sandbox, expected):
    monkeypatch.setenv("KRONKERS_SECRET", "mark-of-the-parent")
    # Without the sandbox the environment is clean, too; /proc/1 is then another's, readable to root alone.
    assert score(fitted("environment", parameters={"mark": "mark-of-the-parent"}, sandbox=sandbox)) == 0.0


@BOTH
def test_a_users_start_up_file_does_not_run(lab, fitted, monkeypatch, sandbox, expected):
    home = lab.folder / "home"
    home.mkdir()
    for name, value in lab.models.plant_startup(home).items():
        monkeypatch.setenv(name, value)
    worker = fitted("identity", sandbox=sandbox)
    assert score(worker) == 1.0
    worker.close()
    assert "SURPRISE" not in "\n".join(lab.log)


def test_a_fork_bomb_is_bounded_and_ends_with_its_worker(lab, fitted):
    seconds = f"{8_000_000 + time.time_ns() % 1_000_000}"
    worker = fitted("fork_bomb", parameters={"seconds": seconds}, time_limit=60)
    worker.score(ROWS)
    assert becomes(lambda: count(seconds) > 0)
    bombs = count(seconds)
    worker.close()
    assert bombs < 2_000
    assert becomes(lambda: count(seconds) == 0)


def count(seconds: str) -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes() == f"sleep\0{seconds}\0".encode()
        except OSError:
            continue
    return found


def test_being_off_is_said_loudly(lab, fitted):
    worker = fitted("identity", sandbox=SandboxPolicy.OFF)
    assert not worker.info.sandboxed
    assert any("NOT SANDBOXED" in line for line in lab.log)
