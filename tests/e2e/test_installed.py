"""What pip installs is whole: it reads without the packages of nights, in an interpreter of its own."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kronkers_batch
from tests.e2e.company import Project

ROOT = Path(__file__).parents[2]
DATE = "2024-01-20"
# In the environment below packages beyond those that reading declares are there, and cannot be imported.
ONLY = """\
import sys


class Only:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Only())
"""
READS = """\
import sys
import kronkers_batch

at_import = set(sys.modules)
with kronkers_batch.open() as system:
    print(system.read("buys", date="2024-01-20").height)
    print(system.sql("select count(*) as n from buys where logical_date = '2024-01-20'")["n"].item())
print(kronkers_batch.__file__)
print(sorted({"hydra", "luigi", "pandas", "pandera", "polars", "sklearn", "sqlalchemy"} & at_import))
print(sorted({"luigi", "pandas", "pandera", "sklearn"} & sys.modules.keys()))
"""


def declared() -> dict[str, list[str]]:
    """The requirements of the project and of each extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower()


def closure(names: list[str]) -> set[str]:
    """The distributions that these need here, themselves among them."""
    found, waiting = set(), [name_of(name) for name in names]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            needed = map(Requirement, metadata.requires(name) or [])
            waiting += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for part in ("kronkers_batch", "tasks"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(source / "dist"), str(source)], check=True, timeout=120)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel, and with the packages that it declares for reading."""
    folder = tmp_path_factory.mktemp("reader") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-cache",
        "--no-deps",
    ]
    subprocess.run([*command, "--python", str(python), str(wheel)], check=True, timeout=120)
    packages = next(folder.glob("lib/*/site-packages"))
    own = sysconfig.get_path("purelib")
    (packages / "declared.pth").write_text(f"{own}\n")
    allowed = closure(declared()[""])
    refused = {
        top
        for top, owners in metadata.packages_distributions().items()
        if not {owner.lower().replace("_", "-") for owner in owners} & allowed and top != "setuptools"
    }
    assert {"luigi", "pandera", "pandas", "sklearn"} <= refused
    (packages / "sitecustomize.py").write_text(ONLY.format(refused=sorted(refused)))
    return folder


def run(project: Project, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    below = project.folder / "models" / "buys"
    environment = {k: v for k, v in project.environment().items() if k != "PYTHONPATH"} | variables
    return subprocess.run(
        list(map(str, command)), cwd=below, env=environment, capture_output=True, text=True, timeout=120
    )


def test_every_file_of_the_program_is_in_it(wheel):
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)], capture_output=True, text=True, check=True
    ).stdout
    packed = {line.split()[0] for line in listed.splitlines()[1:]}
    there = {
        str(path.relative_to(ROOT))
        for part in ("kronkers_batch", "tasks")
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there <= packed
    assert {path.partition("/")[0] for path in packed - there} == {
        "kronkers_batch-" + kronkers_batch.__version__ + ".dist-info"
    }


def test_what_is_declared_is_what_set_up_installs():
    asked = {
        name_of(line)
        for line in (ROOT / "requirements/runtime.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    wanted = declared()
    every = {name_of(r) for extra, some in wanted.items() if extra != "postgresql" for r in some}
    assert every - {"kronkers-batch"} == asked
    pinned = (ROOT / "requirements/dev.txt").read_text().lower()
    for requirement in map(Requirement, (r for some in wanted.values() for r in some)):
        if requirement.name != "kronkers-batch":
            version = re.search(rf"^{re.escape(requirement.name.lower())}==(\S+)", pinned, re.M)
            assert version, requirement
            assert requirement.specifier.contains(version[1]), requirement


def test_an_analyst_reads_from_a_folder_below_the_project(project, environment):
    done = run(project, environment / "bin" / "python", "-c", READS)
    assert done.returncode == 0, done.stderr
    rows, counted, where, at_import, later = done.stdout.splitlines()
    assert rows == counted != "0"
    assert Path(where).is_relative_to(environment)
    assert (at_import, later) == ("[]", "[]")


def test_the_command_reads_and_imports_nothing_from_elsewhere(project, environment, tmp_path):
    (tmp_path / "sqlalchemy.py").write_text("raise SystemExit('borrowed')")
    read = run(project, environment / "bin" / "kronkers", "models", "--json", PYTHONPATH=str(tmp_path))
    assert read.returncode == 0, read.stderr
    assert {model["model"] for model in json.loads(read.stdout)} == {"buys", "spends"}


def test_what_runs_models_says_that_it_is_not_installed(project, environment):
    done = run(project, environment / "bin" / "kronkers", "run", "--date", DATE)
    assert done.returncode == 5
    assert (
        "the package luigi is not installed: this installation can read outputs, not run models"
        in done.stderr
    )
    assert "pip install 'kronkers-batch[run]'" in done.stderr
