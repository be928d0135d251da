"""The sandbox's command line, its policies, and the limits that hold without it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, Resources
from kronkers_batch.errors import MissingPart
from kronkers_batch.runtimes import sandbox
from kronkers_batch.runtimes.languages import Command, builder, hash_files, links_out_of, python, too_wide
from kronkers_batch.runtimes.launch import opened
from kronkers_batch.runtimes.sandbox import SandboxState, Tools, launch, sandbox_state
from kronkers_batch.runtimes.worker_spec import PLACE

pytestmark = pytest.mark.interpreter


MIB = 2**20


def run(
    argv: tuple[str, ...],
    policy: SandboxPolicy,
    code: Mapping[Path, bytes] | None = None,
    visible: tuple[Path, ...] = (),
    **limits,
) -> str:
    made = launch(Command(argv, visible, minimum_memory=0), code or {}, Resources(**limits), policy)
    with opened(made) as (words, kept):
        done = subprocess.run(
            words, env=dict(made.environment), capture_output=True, text=True, timeout=60, pass_fds=kept
        )
    return done.stdout + done.stderr


def shell(script: str, policy: SandboxPolicy = SandboxPolicy.REQUIRE, **limits) -> str:
    return run(("/bin/sh", "-c", script), policy, **limits)


def test_it_works_here():
    assert sandbox_state().works, sandbox_state().problem
    assert sandbox_state().fix == ""


def test_it_is_nobody_without_any_right():
    status = shell("cat /proc/self/status")
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Uid:\t0\t" not in status
    if os.geteuid() == 0:
        assert "CapBnd:\t0000000000000000" in status


def test_limits_hold():
    limits = shell("ulimit -v; ulimit -c; ulimit -f; cat /proc/self/limits", memory=512 * MIB)
    assert limits.splitlines()[:2] == [str(512 * 1024), "0"]
    hard = {line[:25].strip(): line.split()[-2] for line in limits.splitlines() if line.startswith("Max")}
    assert int(hard["Max processes"]) < 100_000
    assert int(hard["Max open files"]) <= 4096


def test_no_core_is_piped_to_a_program_either():
    """Of 0 the kernel says that a program may have it all the same; at 1 it starts none."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY:
        assert "--core=1" in launch(COMMAND, {}, Resources(), SandboxPolicy.REQUIRE).argv


def test_nothing_is_to_be_had_of_the_first_process_which_has_no_limits():
    """An ordinary user's worker could write a program into its memory, and go on in it."""
    assert shell("ls -A /proc/1") == ""
    assert shell("ls -A /proc/self") != ""


@pytest.mark.parametrize("code", [None, b"the code"])
def test_a_worker_inherits_its_standard_streams_and_pipes_alone(tmp_path, code):
    """A file in memory that was left open could be written to: memory that no limit counts."""
    command = Command(("/bin/ls", "-l", "/proc/self/fd"), (), minimum_memory=0)
    given = {tmp_path / "model.py": code} if code else {}
    made = launch(command, given, Resources(), SandboxPolicy.REQUIRE)
    told = os.pipe2(os.O_CLOEXEC)
    try:
        with opened(made, told[1]) as (argv, kept):
            found = subprocess.run(argv, env={}, pass_fds=kept, capture_output=True, text=True, timeout=60)
    finally:
        for end in told:
            os.close(end)
    shown = [line.split(" -> ") for line in found.stdout.splitlines() if " -> " in line]
    inherited = {line[0].split()[-1]: line[1] for line in shown if "/proc/" not in line[1]}
    assert inherited.keys() == {"0", "1", "2"}
    assert not any("memfd" in target for target in inherited.values())


def test_zeros_can_be_read_and_not_be_mapped():
    """A shared mapping of /dev/zero is memory that stays when it is unmapped but for a page."""
    assert shell("stat -c %t:%T /dev/zero; head -c 4 /dev/zero | od -An -tx1").split() == [
        "1:7",
        *["00"] * 4,
    ]


def test_nothing_is_writable_but_scratch_and_shared_memory_which_are_small(tmp_path):
    code, library = {Path("/kronkers/model/model.py"): b"x"}, tmp_path / "library"
    library.mkdir()
    mounts = shell("cat /proc/self/mounts", code=code, visible=(library,)).splitlines()
    assert {str(library), *map(str, code)} <= {line.split()[1] for line in mounts}
    writable = {
        line.split()[1]: line.split()[3]
        for line in mounts
        if not line.split()[3].startswith("ro") and line.split()[2] not in ("proc", "devpts")
    }
    assert {"/tmp", "/dev/shm"} <= set(writable)
    assert all(path.startswith("/dev/") or path == "/tmp" for path in writable)
    assert all("size=" in options for path, options in writable.items() if path in ("/tmp", "/dev/shm"))


def test_scratch_is_bounded():
    said = shell("dd if=/dev/zero of=/tmp/big bs=1M count=300 2>&1; ls -l /tmp", memory=256 * MIB)
    assert "No space left" in said or "File size limit" in said or "File too large" in said


def test_there_is_no_network_and_one_process_namespace():
    assert shell("cat /proc/net/dev | tail -n +3 | cut -d: -f1").split() == ["lo"]
    assert shell("ls -d /proc/[0-9]* | wc -l").strip() in {"2", "3", "4", "5"}


def test_the_first_process_has_an_empty_environment():
    made = launch(Command(("/usr/bin/env",), ()), {}, Resources(), SandboxPolicy.REQUIRE)
    assert made.environment == {}
    names = {line.partition("=")[0] for line in shell("env").splitlines()}
    limits = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"}
    own = limits | {"HOME", "PATH", "TMPDIR", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "PWD", "_"}
    assert not names & (set(os.environ) - own)
    assert limits <= names


CODE = {
    PLACE / "model.py": b"first",
    PLACE / "own/a b.csv": b"second",
    PLACE / "own/deep/x": b"\0" * 5_000_000,
}


@pytest.mark.parametrize("policy", [SandboxPolicy.REQUIRE, SandboxPolicy.OFF])
def test_a_worker_sees_the_models_files_and_nothing_else_beside_them(tmp_path, policy):
    """They are handed over in memory: what lies on a disk, or comes to lie there, is none of them."""
    made = launch(Command(("/bin/true",), (), minimum_memory=0), CODE, Resources(), policy)
    found = r"cd %s && find . -type f | sort && cat model.py 'own/a b.csv' && wc -c < own/deep/x"
    command = Command(("/bin/sh", "-c", found % made.folder), (), minimum_memory=0)
    if policy is SandboxPolicy.OFF:
        done = subprocess.run(command.argv, capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert Path(made.folder).is_relative_to("/dev/shm")
        shutil.rmtree(made.remove)
    else:
        said = run(command.argv, policy, CODE)
    assert said.split() == ["./model.py", "./own/a", "b.csv", "./own/deep/x", "firstsecond5000000"]
    assert not Path("/kronkers").exists()


BROKEN = SandboxState(
    Tools("/usr/bin/bwrap", "/usr/bin/setpriv", "/usr/bin/prlimit"), False, "no user namespaces"
)
MISSING = SandboxState(Tools("", "/usr/bin/setpriv", "/usr/bin/prlimit"), False, "bwrap is not installed")
COMMAND = Command(("/usr/bin/id",), ())


@pytest.mark.parametrize(
    ("state", "fix"), [(BROKEN, "user namespaces"), (MISSING, "apt-get install bubblewrap")]
)
def test_required_but_not_there_is_a_missing_part_with_its_remedy(monkeypatch, state, fix):
    monkeypatch.setattr(sandbox, "sandbox_state", lambda: state)
    with pytest.raises(MissingPart) as error:
        launch(COMMAND, {}, Resources(), SandboxPolicy.REQUIRE)
    assert error.value.exit_code == 5
    assert fix in error.value.fix
    assert state.problem in error.value.what


def test_preferred_but_not_there_goes_on_and_says_so(monkeypatch):
    monkeypatch.setattr(sandbox, "sandbox_state", lambda: BROKEN)
    made = launch(COMMAND, {}, Resources(), SandboxPolicy.PREFER)
    assert not made.sandboxed
    assert "NOT SANDBOXED (no user namespaces)" in made.warnings[0]
    assert made.remove is not None
    made.remove.rmdir()


def test_without_the_sandbox_limits_user_and_environment_still_hold(monkeypatch):
    monkeypatch.setenv("KRONKERS_SECRET", "value-of-the-parent")
    said = shell(
        "ulimit -v; ulimit -c; id -u; env; cat /proc/self/status", SandboxPolicy.OFF, memory=512 * MIB
    )
    lines = said.splitlines()
    assert lines[:2] == [str(512 * 1024), "0"]
    assert lines[2] != "0"
    assert "value-of-the-parent" not in said
    assert "CapEff:\t0000000000000000" in said


def test_as_root_every_worker_is_another_user(monkeypatch):
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 0)
    users = {launch(COMMAND, {}, Resources(), SandboxPolicy.REQUIRE).user for _ in range(20)}
    assert len(users) > 15
    assert 0 not in users
    assert None not in users


def test_a_missing_interpreter_is_a_missing_part(tmp_path):
    for environment in (Environment(executable="/nowhere/python"), Environment(venv=str(tmp_path))):
        with pytest.raises(MissingPart):
            python.command(environment, 1)


def test_a_python_environment_shows_what_it_links_to_but_no_project_or_home(tmp_path):
    venv, cache, editable = tmp_path / "venv", tmp_path / "cache" / "pkg", tmp_path / "editable"
    site = venv / "lib" / "python3.11" / "site-packages"
    for folder in (site, cache, editable, venv / "bin"):
        folder.mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/usr/bin/env")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (cache / "__init__.py").touch()
    (editable / "module.py").touch()
    (editable / "rows.csv").touch()
    (site / "pkg").symlink_to(cache)
    (site / "more.pth").write_text(f"{editable}\n{Path.cwd()}\nimport os\n/nowhere\n")
    visible = python.command(Environment(venv=str(venv)), 1).visible
    assert {venv / "bin", venv / "lib", venv / "pyvenv.cfg", cache, editable / "module.py"} <= set(visible)
    assert {venv, editable, editable / "rows.csv"}.isdisjoint(visible)
    assert Path.cwd() not in visible
    assert too_wide(Path.home())
    assert not too_wide(editable)
    (editable / "conf").mkdir()
    (editable / "conf" / "config.yaml").write_text("")
    assert too_wide(editable)
    assert links_out_of(site) == (cache,)


def test_the_fingerprint_follows_lock_files_without_a_process(tmp_path):
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    environment = Environment(venv=str(venv))
    one = python.fingerprint(environment)
    (tmp_path / "uv.lock").write_text("numpy 2")
    two = python.fingerprint(environment)
    assert one != two != ""
    assert two == python.fingerprint(environment)
    assert python.fingerprint(Environment()) == ""
    assert hash_files([tmp_path / "none"]) == ""


@pytest.mark.parametrize("language", list(LANGUAGES.values()))
def test_every_language_builds_a_command(language):
    assert callable(builder(language).command)
    assert callable(builder(language).fingerprint)
