"""What ``kronkers doctor`` says of the walls, and the processes whose memory is watched."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, Resources
from kronkers_batch.errors import ConfigError
from kronkers_batch.runtimes import bubblewrap, sandbox, walls, watch
from kronkers_batch.runtimes.languages import Command
from kronkers_batch.runtimes.probing import normalise_code
from kronkers_batch.runtimes.sandbox import SandboxState, sandbox_state
from kronkers_batch.runtimes.watch import Family, own, processes, resident_or_swapped
from kronkers_batch.runtimes.worker_spec import Walls
from tests.contract.test_failures import becomes

pytestmark = pytest.mark.interpreter


def test_each_wall_says_what_holds_and_how_to_mend_it():
    found = {wall.name: wall for wall in walls.walls()}
    assert set(found) == {
        "workers' user", "namespaces in workers", "system calls of workers", "session keyring of workers",
        "memory of workers",
    }  # fmt: skip
    assert all(wall.stands or wall.fix for wall in found.values())
    assert found["system calls of workers"].stands
    assert walls.bubblewrap_version(sandbox_state()).count(".") >= 1


def test_an_ordinary_user_and_an_old_bubblewrap_are_said(monkeypatch):
    monkeypatch.setattr(walls.os, "geteuid", lambda: 12345)
    assert not walls._user().stands
    assert "as root" in walls._user().fix
    old = SandboxState(sandbox_state().tools, True, "", nested=True)
    assert not walls._namespaces(old).stands
    assert "0.8" in walls._namespaces(old).fix


def test_no_user_namespace_can_be_made_inside_where_one_is_made(monkeypatch):
    monkeypatch.setattr(bubblewrap.os, "geteuid", lambda: 12345)
    command, tools = Command(("/bin/true",), ()), sandbox_state().tools
    argv = bubblewrap.bubblewrap(command, {}, Resources(), tools).argv
    assert "--disable-userns" in argv
    assert "--unshare-user" in argv
    assert "--disable-userns" not in bubblewrap.bubblewrap(command, {}, Resources(), tools, nested=True).argv


def test_a_bubblewrap_that_does_not_know_the_option_is_used_without_it(monkeypatch):
    said = {False: "bwrap: Unknown option --disable-userns", True: ""}
    monkeypatch.setattr(sandbox, "_tried", lambda _tools, *, nested: said[nested])
    sandbox_state.cache_clear()
    try:
        state = sandbox_state()
        assert state.works
        assert state.nested
        said[True] = "bwrap: no permission"
        sandbox_state.cache_clear()
        assert not sandbox_state().works
        assert "--disable-userns" in sandbox_state().problem
    finally:
        sandbox_state.cache_clear()


@pytest.mark.parametrize(
    ("own", "limits", "bytes_"),
    [
        ("0::/a/b\n", {"a/memory.max": "3000\n", "a/b/memory.max": "max\n"}, 3000),
        ("0::/a\n", {"a/memory.max": "max\n"}, 0),
        ("9:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "500\n"}, 500),
        ("9:memory:/a\n", {"memory/a/memory.limit_in_bytes": f"{2**63 - 4096}\n"}, 0),
    ],
)
def test_limits_of_control_groups_as_their_files_say(tmp_path, own, limits, bytes_):
    (tmp_path / "own").write_text(own)
    for place, text in limits.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    assert walls.memory_of_group(tmp_path, tmp_path / "own") == bytes_


def test_a_worker_is_not_started_where_its_environment_leads_to_a_forbidden_place(tmp_path):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "DESCRIPTION").write_text("Package: mine\nBuilt: R 4\n")
    with pytest.raises(ConfigError, match="that a worker may not see: it is mine"):
        normalise_code(
            LANGUAGES["r"],
            Environment(library=str(tmp_path)),
            "1",
            SandboxPolicy.REQUIRE,
            walls=Walls((), lambda path: "it is mine" if path.is_relative_to(tmp_path) else ""),
        )


def test_a_family_has_grandchildren_whose_parent_has_ended_and_nobody_else():
    before = processes()
    # The shell's child starts one of its own, which stays when that child ends.
    script = "(sleep 30 & exec sleep 2) & wait"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as parent:
        try:
            family = Family(parent.pid, before)
            assert becomes(lambda: names(family) == ["sh", "sleep", "sleep"])
            assert becomes(lambda: names(family) == ["sleep"])
            assert os.getpid() not in family.members()
        finally:
            os.killpg(parent.pid, 9)


def names(family: Family) -> list[str]:
    found = []
    for pid in family.members():
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state != "Z":  # ended, and not yet waited for
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return sorted(found)


def test_memory_that_a_process_moved_to_swap_counts(tmp_path, monkeypatch):
    """A process can move its own pages there, and nothing else that is looked at has them then."""
    mib = 2**20
    status = re.sub(r"VmSwap:.*", f"VmSwap:\t {900 * 1024} kB", Path("/proc/self/status").read_text())
    assert 900 * mib < resident_or_swapped(status) < 900 * mib + 64 * 2**30
    assert resident_or_swapped("Name:\tended\nState:\tZ (zombie)\n") == 0
    rollup = Path("/proc/self/smaps_rollup").read_text()
    swapped = re.sub(r"SwapPss:.*", f"SwapPss: {900 * 1024} kB", rollup)
    assert own(swapped.splitlines()) - own(rollup.splitlines()) == 900 * mib
    swaps = tmp_path / "swaps"
    monkeypatch.setattr(watch, "SWAPS", swaps)
    monkeypatch.setattr(watch, "_resident_or_swapped", lambda _pid: 900 * mib)
    monkeypatch.setattr(watch, "_own", lambda _pid: 900 * mib)
    with subprocess.Popen(["sleep", "100"]) as small:
        for text, expected in (
            ("Filename Type Size Used Priority\n", False),
            ("Filename\n/swap file 9 0 -2\n", True),
        ):
            swaps.write_text(text)
            assert Family(small.pid).takes_more(800 * mib, sandboxed=False) is expected
        small.kill()
