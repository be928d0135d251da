"""Every attack succeeds without its defence: with the defence taken out, its tests turn red.

By default only that the lists in ``mutations/`` still fit the program; with ``-m long`` each mutation is
made in a copy of the program, and its tests run there.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
COPIED = ("kronkers_batch", "tasks", "conf", "models", "tests", "docs", "pyproject.toml")
PROGRAM = ROOT / "kronkers_batch"


def ids(mutation: Mutation) -> str:
    return mutation.name


# ---------------------------------------------------------------- the list fits the program


def test_there_are_many_and_each_says_something_else():
    assert len(MUTATIONS) >= 100
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    rooms = {mutation.file.partition("/")[0] for mutation in MUTATIONS}
    assert rooms >= {
        "vault", "ledger", "warehouse", "registry", "data", "store", "config", "steps", "runtimes", "reports"
    }  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=ids)
def test_it_still_fits(mutation):
    text = (PROGRAM / mutation.file).read_text()
    assert text.count(mutation.old) == 1, "the defence is not there, or is there twice: correct the list"
    ast.parse(text.replace(mutation.old, mutation.new))
    assert mutation.tests
    for test in mutation.tests:
        path, _, name = test.partition("::")
        assert name.partition("[")[0] in functions(path), f"there is no test {test}"


@functools.cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


# ---------------------------------------------------------------- and each turns its tests red


def copy_to(folder: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy2(source, folder / name)
    for name in (".venv", ".tools"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


# A program without one of its defences, attacked by root, may not touch the machine: it writes to its copy.
CONFINED = """\
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro /
cd "$1"
shift
exec "$@"
"""


def run(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Runs tests in a copy of the program; exit code and output."""
    for name in ("home", "scratch"):
        (folder / name).mkdir(exist_ok=True)
    confined = ["unshare", "--mount", "sh", "-c", CONFINED, "sh", str(folder)] if os.geteuid() == 0 else []
    command = [*confined, sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=line", "-p", "no:cacheprovider"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [*command, f"--basetemp={folder}/tmp", *tests],
        cwd=folder,
        env=clean
        | {"PYTHONPATH": str(folder), "COLUMNS": "400"}
        | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "scratch")},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_runs_without_a_defence_cannot_write_to_the_machine(tmp_path):
    outside, copy = tmp_path / "outside", tmp_path / "copy"
    copy.mkdir()
    (copy / "test_it.py").write_text(
        "def test_it(tmp_path):\n"
        "    (tmp_path / 'x').touch()\n"
        f"    __import__('pathlib').Path({str(outside)!r}).touch()\n"
    )
    code, output = run(copy, ("test_it.py",))
    if os.geteuid() == 0:
        assert code == 1
        assert "Read-only file system" in output
        assert not outside.exists()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_all_of_these_tests_pass_with_the_defences(tmp_path):
    code, output = run(copy_to(tmp_path / "copy"), tuple(sorted({t for m in MUTATIONS for t in m.tests})))
    assert code == 0, output[-3000:]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=ids)
def test_its_tests_turn_red(tmp_path, mutation):
    folder = copy_to(tmp_path / "copy")
    path = folder / "kronkers_batch" / mutation.file
    path.write_text(path.read_text().replace(mutation.old, mutation.new))
    code, output = run(folder, mutation.tests)
    assert code == 1, f"pytest ended with {code}\n{output[-3000:]}"
    assert not re.findall(r"^ERROR ", output, re.M), output[
        -3000:
    ]  # a program that does not start shows nothing
    failed = re.findall(r"^FAILED (.*?)(?: - .*)?$", output, re.M)
    for test in mutation.tests:
        assert [name for name in failed if name == test or name.startswith(f"{test}[")], (
            f"{test} stayed green"
        )
