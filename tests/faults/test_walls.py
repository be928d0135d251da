"""Environments that would show a worker what it may not see, in each language; memory that others read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.places import Places
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Environment, Resources
from kronkers_batch.declared.workers import walls
from kronkers_batch.errors import ConfigError, KronkersError, MissingPart
from kronkers_batch.runtimes.bubblewrap import check_shown
from kronkers_batch.runtimes.languages import Command, command_of
from kronkers_batch.runtimes.launch import identity, opened, shown_elsewhere
from kronkers_batch.runtimes.sandbox import launch
from kronkers_batch.vault import keyfile
from kronkers_batch.vault.identity import Identity
from tests.faults.departments import Departments

SECRET = "the secret of another"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder with somebody's key, a table and a program's file."""
    folder = tmp_path / "others" / "kronkers"
    folder.mkdir(parents=True)
    for name in ("identity.key", "rows.csv"):
        (folder / name).write_text(SECRET)
    (folder / "script.R").write_text(SECRET)
    for path in (tmp_path, folder.parent, folder):
        path.chmod(0o755)
    return folder


def seen(environment: Environment, language: Language, *paths: Path, hidden: tuple[Path, ...] = ()) -> str:
    """What a program in this environment's sandbox reads of files; refusals of the environment are raised."""
    visible = command_of(language, environment, 1).visible
    command = Command(("/bin/cat", *map(str, paths)), visible, minimum_memory=0)
    made = launch(command, {}, Resources(), SandboxPolicy.REQUIRE, hidden)
    with opened(made) as (argv, kept):
        done = subprocess.run(argv, env={}, pass_fds=kept, capture_output=True, text=True, timeout=60)
    return done.stdout


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def venv(folder: Path, home: str = "/usr/bin") -> Path:
    site = folder / "venv" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    link(folder / "venv" / "bin" / "python", Path("/usr/bin/env"))
    (folder / "venv" / "pyvenv.cfg").write_text(f"home = {home}\n")
    return site


# ---------------------------------------------------------------- R


def test_an_r_library_that_is_no_library_is_refused_whatever_it_is(tmp_path, secret):
    linked = link(tmp_path / "linked", secret)
    for folder in (secret, linked, secret.parent, "/", "/dev", "/etc"):
        with pytest.raises(ConfigError, match="this folder has no installed R packages"):
            command_of(LANGUAGES["r"], Environment(library=str(folder)), 1)
    with pytest.raises((ConfigError, MissingPart)):  # by whether this machine lets its root look there
        command_of(LANGUAGES["r"], Environment(library="/proc/1/root"), 1)


def r_package(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "DESCRIPTION").write_text(f"Package: {name}\nVersion: 1\nBuilt: R 4.2.2; ; ; unix\n")
    return folder / name


def test_of_an_r_library_only_its_packages_are_shown(tmp_path, secret):
    library = tmp_path / "library"
    mine = r_package(library, "mine")
    (secret / "DESCRIPTION").write_text("Package: kronkers\nVersion: 1\n")  # a source, not installed
    (library / "rows.csv").write_text(SECRET)
    link(library / "kronkers", secret)
    link(library / "other", secret)
    environment = Environment(library=str(library))
    paths = [library / "rows.csv", library / "kronkers" / "rows.csv", library / "other" / "rows.csv"]
    assert seen(environment, LANGUAGES["r"], *paths, secret / "rows.csv") == ""
    assert "Package: mine" in seen(environment, LANGUAGES["r"], mine / "DESCRIPTION")


def test_an_r_script_does_not_choose_what_is_shown(tmp_path, secret):
    """R's home is read from a shell script, which anybody can write."""
    program = tmp_path / "tools" / "bin" / "Rscript"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (program.parent / "R").write_text(f'R_HOME_DIR="{secret}"\n')
    paths = [secret / "rows.csv", secret / "lib" / "rows.csv", program.parent.parent / "rows.csv"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(SECRET)
    assert seen(Environment(executable=str(program)), LANGUAGES["r"], *paths) == ""


# ---------------------------------------------------------------- Python


def test_a_line_in_pyvenv_cfg_names_an_installation_or_nothing(tmp_path, secret):
    venv(tmp_path, home=f"{secret}/x")
    with pytest.raises(
        ConfigError, match="its line 'home' names a place that is not an installation of Python"
    ):
        command_of(LANGUAGES["python"], Environment(venv=str(tmp_path / "venv")), 1)


def test_an_interpreter_that_is_a_link_elsewhere_is_refused(tmp_path, secret):
    venv(tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(secret / "identity.key")
    with pytest.raises(ConfigError, match="a link into a place that is not an installation of Python"):
        command_of(LANGUAGES["python"], Environment(venv=str(tmp_path / "venv")), 1)
    with pytest.raises(ConfigError, match="not an installation of Python"):
        command_of(LANGUAGES["python"], Environment(executable=str(secret / "identity.key")), 1)


def test_of_a_virtual_environment_nothing_else_is_shown(tmp_path, secret):
    """Links and path lines lead to code that can be imported, not to whatever lies there."""
    site = venv(tmp_path)
    root = tmp_path / "venv"
    (root / "rows.csv").write_text(SECRET)
    link(site / "data", secret)
    link(root / "share", secret)
    (site / "lines.pth").write_text(f"{secret}\n{secret.parent}\n/\n/nowhere\n")
    (secret / "module.py").write_text("x = 1\n")
    package = secret / "package"
    package.mkdir()
    (package / "__init__.py").write_text("y = 1\n")
    environment = Environment(venv=str(root))
    names = ("identity.key", "rows.csv")
    below = [folder / name for folder in (secret, root / "share", site / "data") for name in names]
    assert seen(environment, LANGUAGES["python"], *below, root / "rows.csv") == ""
    shown = seen(environment, LANGUAGES["python"], secret / "module.py", package / "__init__.py")
    assert shown == "x = 1\ny = 1\n"


# ---------------------------------------------------------------- Julia


def test_of_a_julia_project_only_what_julia_reads_is_shown(tmp_path, secret):
    project = tmp_path / "project"
    project.mkdir()
    (project / "Project.toml").write_text('[deps]\nkronkers = "u"\n')
    (project / "rows.csv").write_text(SECRET)
    link(project / "src", secret)
    environment = Environment(project=str(project))
    manifest = project / "Manifest.toml"
    manifest.write_text("")
    assert seen(environment, LANGUAGES["julia"], project / "rows.csv", project / "src" / "rows.csv") == ""
    assert "kronkers" in seen(environment, LANGUAGES["julia"], project / "Project.toml")
    manifest.write_text(f'[[kronkers]]\npath = "{secret}"\nuuid = "u"\n')
    with pytest.raises(MissingPart, match="package kronkers is not where"):
        command_of(LANGUAGES["julia"], environment, 1)
    (secret / "src").mkdir()
    (secret / "src" / "kronkers.jl").write_text("module kronkers end\n")
    (secret / "Project.toml").write_text('name = "kronkers"\n')
    assert seen(environment, LANGUAGES["julia"], secret / "rows.csv", secret / "identity.key") == ""
    assert "module" in seen(environment, LANGUAGES["julia"], secret / "src" / "kronkers.jl")


def test_an_executable_does_not_show_its_neighbours(tmp_path, secret):
    program = secret / "bin" / "julia"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = Environment(executable=str(program))
    assert seen(environment, LANGUAGES["julia"], secret / "rows.csv", secret / "identity.key") == ""


# ---------------------------------------------------------------- forbidden places


def test_hidden_places_are_masked_after_everything_that_is_shown(tmp_path):
    """Also below the place that a link leads to, and below the machine's own folders."""
    library = tmp_path / "library"
    package = r_package(library, "mine")
    keys = package / "keys"
    keys.mkdir()
    for path in (keys / "identity.key", package / "table", package / "open"):
        path.write_text(SECRET)
    for path in (tmp_path, library, package, keys):
        path.chmod(0o755)
    linked = link(tmp_path / "linked", library)
    machine = Path("/usr/share/perl5")
    for folder in (library, linked):
        environment = Environment(library=str(folder))
        inside = folder / "mine"
        paths = (inside / "keys" / "identity.key", inside / "table")
        assert seen(environment, LANGUAGES["r"], *paths) == SECRET * 2
        hidden = (keys, package / "table", tmp_path / "none", machine)
        assert seen(environment, LANGUAGES["r"], *paths, hidden=hidden) == ""
        assert seen(environment, LANGUAGES["r"], inside / "open", hidden=hidden) == SECRET
    mounts = launch(Command(("/bin/true",), (library,)), {}, Resources(), SandboxPolicy.REQUIRE, (keys,)).argv
    shown, masked = mounts.index(str(library)), mounts.index(str(keys))
    assert shown < masked
    assert mounts[masked - 1] == "--tmpfs"
    assert "--remount-ro" in mounts[masked:]


def test_what_an_environment_leads_to_is_asked_of_the_forbidden_places(company: Departments):
    """Links and lines of paths, which conf does not show, lead no further than conf may."""
    from kronkers_batch.config.load import load

    config = load(company.folder / "conf", ())
    places = Places.of(config, {"HOME": str(company.home), "KRONKERS_KEY_FILE": str(company.key_file)})
    sales = walls(places, "sales")
    own = company.folder / "packages" / "mine"
    own.mkdir(parents=True)
    check_shown([own], sales.refusal)
    for forbidden in (company.key_file.parent, company.folder / "var", company.folder / "hr/people.csv"):
        with pytest.raises(ConfigError, match="that a worker may not see") as error:
            check_shown([link(own / f"to-{forbidden.name}", forbidden)], sales.refusal)
        assert SECRET not in str(error.value)
    assert company.folder / "hr" / "people.csv" in sales.hidden
    assert company.key_file.parent in sales.hidden


def test_check_names_the_line_of_an_environment_that_leads_to_a_forbidden_place(company: Departments):
    site = venv(company.folder)
    (company.folder / "var" / "module.py").write_text("x = 1\n")
    (site / "lines.pth").write_text(f"{company.folder / 'var'}\n")
    yaml = company.folder / "conf/model/buys.yaml"
    yaml.write_text(yaml.read_text() + f"environment: {{venv: {company.folder / 'venv'}}}\n")
    line = len(yaml.read_text().splitlines())
    said = company.run("check", code=None)
    assert said.returncode == 2
    assert f"conf/model/buys.yaml:{line}: environment" in said.stderr
    assert "that a worker may not see" in said.stderr


def test_a_worker_that_sees_another_folder_than_was_looked_at_is_noticed(tmp_path, secret):
    """A link put there between the look and the mount: here, after the command line was made."""
    first, elsewhere = tmp_path / "first", secret
    first.mkdir()
    command = Command(("/bin/sh", "-c", "echo started; sleep 60"), (first,), minimum_memory=0)
    made = launch(command, {}, Resources(), SandboxPolicy.REQUIRE)
    for exchanged in (False, True):
        if exchanged:
            first.rmdir()
            first.symlink_to(elsewhere)
        with opened(made) as (argv, kept):
            process = subprocess.Popen(argv, env={}, pass_fds=kept, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            inner = max(children(process.pid))
            assert shown_elsewhere(inner, made.seen) == (str(first) if exchanged else "")
        finally:
            process.kill()
            process.wait()
    assert identity(first) == identity(elsewhere)


def children(pid: int) -> list[int]:
    from kronkers_batch.runtimes.watch import Family

    return Family(pid).members()


# ---------------------------------------------------------------- signed by content


def test_changed_files_of_an_environment_need_a_new_signature(signing_company: Departments):
    """A line in a ``.pth`` file, bytecode, anything that would run; under the same lock file."""
    firm = signing_company
    root = firm.folder / "sales-env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(root)], check=True)
    site = next(root.glob("lib/python3*/site-packages"))
    packages = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
    for name in ("numpy", "numpy.libs", "pandas", "pytz", "dateutil", "six.py", "tzdata"):
        if (packages / name).exists():
            (site / name).symlink_to(packages / name)
    yaml = firm.folder / "conf/model/buys.yaml"
    yaml.write_text(yaml.read_text() + f"environment: {{venv: {root}}}\n")
    firm.by("ann").run("sign", "buys", "--yes", "--why", "a new environment")
    assert "buys" not in refused(firm)
    (site / "start.pth").write_text("import os\n")
    assert "buys" in refused(firm)
    assert "environment.contents" in firm.run("plan", code=None).stdout
    firm.by("ann").run("sign", "buys", "--yes", "--why", "looked at")
    assert "buys" not in refused(firm)


def refused(firm: Departments) -> str:
    return "\n".join(
        line for line in firm.run("plan", code=None).stdout.splitlines() if "changed since" in line
    )


# ---------------------------------------------------------------- memory of processes that hold keys


def as_child(work: Callable[[int], None]) -> tuple[int, int]:
    """Forks: ``work`` is given the writing end of a pipe. The child's number and the reading end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(write)
        finally:
            os._exit(0)
    os.close(write)
    return child, read


def become_ordinary() -> None:
    """As if an ordinary user had started this process: its memory may be read by the same user."""
    if os.geteuid() == 0:
        with contextlib.suppress(ValueError):  # in a container root may not
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.setgroups([])
        os.setresgid(12345, 12345, 12345)
        os.setresuid(12345, 12345, 12345)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def is_readable(pid: int) -> bool:
    """Whether another process of an ordinary user reads this one's memory, or its environment."""

    def look(answers: int) -> None:
        become_ordinary()
        found = b"0"
        for name in ("mem", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    file.seek(0)
                    found = b"1"
            except OSError:
                continue
        os.write(answers, found)

    child, answers = as_child(look)
    os.waitpid(child, 0)
    return os.read(answers, 1) == b"1"


@pytest.mark.parametrize("opens", [False, True])
def test_no_other_process_of_the_same_user_looks_into_one_that_holds_a_key(tmp_path, opens):
    text = keyfile.to_text(Identity.generate("ann"))

    def hold(answers: int) -> None:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's program in the background ignores it
        os.chdir(tmp_path)
        become_ordinary()
        if opens:
            keyfile.from_text(text, "test")
        os.write(answers, b"x")
        signal.pause()

    tmp_path.chmod(0o777)
    child, answers = as_child(hold)
    try:
        assert os.read(answers, 1) == b"x"
        assert is_readable(child) is not opens
    finally:
        os.kill(child, signal.SIGQUIT if opens else signal.SIGKILL)  # the first makes a core
        _, status = os.waitpid(child, 0)
    if opens:
        assert not os.WCOREDUMP(status)
        assert list(tmp_path.iterdir()) == []


def test_the_key_file_is_read_by_an_undumpable_process_only(tmp_path, monkeypatch):
    """From the first byte on, whoever asks for it."""
    path = tmp_path / "identity.key"
    keyfile.create(path, Identity.generate("ann"))
    libc = ctypes.CDLL(None)
    for read in (keyfile.read_private, keyfile.load):
        libc.prctl(4, 1, 0, 0, 0)
        read(path)
        assert libc.prctl(3, 0, 0, 0, 0) == 0
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_wrong_environments_are_errors_in_words(tmp_path):
    for environment in (Environment(library=str(tmp_path / "none")), Environment(renv=str(tmp_path))):
        with pytest.raises(KronkersError) as error:
            command_of(LANGUAGES["r"], environment, 1)
        assert error.value.fix
