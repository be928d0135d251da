"""The suite itself: the same cases for every language, none left out, none skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.contract import table
from tests.contract.conftest import LANGUAGES, models_of

ROOT = Path(__file__).parents[2]


def pytest_run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )


def test_every_case_runs_for_every_kind() -> None:
    """All of them, the long ones too, as pytest collects them before any is chosen or left out."""
    collected = pytest_run("--collect-only", "--import-mode=importlib", "tests/contract")
    assert collected.returncode == 0, collected.stdout
    nodes = [line for line in collected.stdout.splitlines() if "::" in line]
    for family, least in (("language", 50), ("database", 20), ("task", 8)):
        kinds = table.FAMILIES[family]
        assert len(table.table(dict.fromkeys(nodes, ""), kinds)) >= least, family
        assert table.lacking(nodes, kinds) == {}


def test_every_language_has_every_model_and_each_is_used() -> None:
    first, *others = (sorted(models_of(language).MODELS) for language in LANGUAGES.values())
    assert all(names == first for names in others)
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [name for name in first if f'"{name}"' not in tests]


def test_a_case_that_one_language_lacks_is_seen() -> None:
    first, *others = table.LANGUAGES
    nodes = [*(f"test_a.py::test_b[{language}]" for language in others), f"test_a.py::test_c[x-{first}-off]"]
    nodes += [f"test_a.py::test_d[{language}-r_]" for language in table.LANGUAGES]
    nodes += ["test_a.py::test_of_none", "test_a.py::test_of_none[x]"]
    found = table.lacking([table.FOLDER + node for node in nodes])
    assert found == {"test_a.py::test_b": [first], "test_a.py::test_c[x-off]": others}


SKIPPING = """
import pytest

def test_leaves():
    pytest.skip("not here")

def test_hopes():
    pytest.xfail("some day")

def test_imports():
    pytest.importorskip("nowhere.to.be.found")

@pytest.mark.skip
def test_marked():
    pass

@pytest.mark.xfail
def test_hopes_less():
    pass

def test_runs():
    pass
"""


def test_a_skipped_case_fails(tmp_path: Path) -> None:
    (tmp_path / "test_cases.py").write_text(SKIPPING)
    (tmp_path / "test_all.py").write_text("import pytest\npytest.importorskip('nowhere.to.be.found')\n")
    plugin = ["-p", "tests.contract.unskipped", "--rootdir", str(tmp_path)]
    cases = pytest_run(*plugin, str(tmp_path / "test_cases.py"))
    assert "4 failed, 1 passed, 1 error" in cases.stdout  # the error is of the one that is never set up
    assert pytest_run(*plugin, str(tmp_path / "test_all.py")).returncode == 2


def test_the_table_counts_what_passed() -> None:
    first, *others = table.LANGUAGES
    nodes = {f"{table.FOLDER}test_a.py::test_b[{language}]": "passed" for language in table.LANGUAGES}
    nodes[f"{table.FOLDER}test_a.py::test_c[{first}-off]"] = "failed"
    said = [line.split() for line in table.lines({**nodes, "tests/unit/test_z.py::test_z[r]": "passed"})]
    assert said == [
        [*table.LANGUAGES],
        ["test_a.py::test_b", *["passed"] * len(table.LANGUAGES)],
        ["test_a.py::test_c[off]", "failed", *["-"] * len(others)],
        ["passed", "of", "2", *["1"] * len(table.LANGUAGES)],
    ]
