"""Every rule and every defence is noticed: with one taken out, its tests turn red.

By default only that the lists in ``mutations/`` still fit the program; with ``-m long`` each mutation is
made in a copy of the program, and its tests run there, and each is written out and compiled.
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
from tests.faults.mutations.changes import Misfit, written
from tests.faults.mutations.kind import ROOT

COPIED = (
    *("kronkers_batch", "tasks", "conf", "models", "tests", "docs"),
    *("pyproject.toml", "README.md", "LICENSE"),
)


def ids(mutation: Mutation) -> str:
    return mutation.name


# ---------------------------------------------------------------- the lists fit the program


def test_there_are_many_and_each_says_something_else():
    assert len(MUTATIONS) >= 380
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    rooms = {mutation.file.split("/")[1] for mutation in MUTATIONS}
    assert rooms >= {
        "access", "audit", "config", "data", "declared", "facts", "ledger", "pipeline", "planning", "queries",
        "registry", "reports", "runtimes", "store", "vault", "warehouse",
    }  # fmt: skip


def test_each_still_fits_one_place_and_names_tests_that_are_there():
    wrong = [f"{mutation.name}: {why}" for mutation in MUTATIONS if (why := unfit(mutation))]
    assert not wrong, "correct the lists in mutations/:\n" + "\n".join(wrong)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_changes_something_and_leaves_a_program():
    """Long: writing and compiling every changed file takes most of the time."""
    wrong = [f"{mutation.name}: {why}" for mutation in MUTATIONS if (why := misfit(mutation))]
    assert not wrong, "correct the lists in mutations/:\n" + "\n".join(wrong)


def unfit(mutation: Mutation) -> str:
    """Why a mutation fits no place of the program, or names no test; empty where it does."""
    try:
        if mutation.file.endswith(".py"):
            mutation.change.only_place(tree(mutation.file), mutation.place.partition(":")[2])
        else:
            mutation.of(text(mutation.file))
    except Misfit as error:
        return str(error)
    return without_test(mutation)


def misfit(mutation: Mutation) -> str:
    """Why a mutation does not fit the program; empty where it does."""
    try:
        changed = mutation.of(text(mutation.file))
    except Misfit as error:
        return str(error)
    if mutation.file.endswith(".py"):
        compile(changed, mutation.file, "exec")
    if changed == as_written(mutation.file):
        return f"{mutation.change.says} changes nothing"
    return without_test(mutation)


def without_test(mutation: Mutation) -> str:
    """Which of a mutation's tests is not there; empty where all are."""
    tests = (test.partition("[")[0].split("::") for test in mutation.tests)
    gone = [name for path, name in tests if name not in functions(path)]
    return f"there is no test {', '.join(gone)}" if gone or not mutation.tests else ""


@functools.cache
def text(file: str) -> str:
    return (ROOT / file).read_text()


@functools.cache
def tree(file: str) -> ast.Module:
    return ast.parse(text(file))


@functools.cache
def as_written(file: str) -> str:
    """A file of the program with no change made: what a change of its syntax is compared with."""
    return written(ast.parse(text(file))) if file.endswith(".py") else text(file)


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
if mountpoint -q /tmp; then mount -o remount,bind,ro /tmp; fi
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
    command += ["-p", "pytest_timeout"]  # other plug-ins take half of the time of most of these runs
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [*command, f"--basetemp={folder}/tmp", *tests],
        cwd=folder,
        env=clean
        | {"PYTHONPATH": str(folder), "COLUMNS": "400"}
        | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "scratch")}
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
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
def test_all_of_these_tests_pass_where_nothing_is_taken_out(tmp_path):
    folder = copy_to(tmp_path / "copy")
    for file in {mutation.file for mutation in MUTATIONS}:
        (folder / file).write_text(as_written(file))
    code, output = run(folder, tuple(sorted({t for m in MUTATIONS for t in m.tests})))
    assert code == 0, output[-3000:]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=ids)
def test_its_tests_turn_red(tmp_path, mutation):
    folder = copy_to(tmp_path / "copy")
    (folder / mutation.file).write_text(mutation.of(text(mutation.file)))
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
