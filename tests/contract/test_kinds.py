"""A kind is a module where it is declared, one where it works, and a maker for its suite: nothing else."""

from __future__ import annotations

import ast
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kronkers_batch import config, data
from kronkers_batch.config import check_kinds as declared_checks
from kronkers_batch.config import source_fields as fields
from kronkers_batch.config import source_kinds as declared_sources
from kronkers_batch.config.check_kind import CheckKind
from kronkers_batch.config.check_kinds import CHECK_KINDS
from kronkers_batch.config.fields import Field
from kronkers_batch.config.kinds import PATH, SECRET, TEXT
from kronkers_batch.config.source_kind import COLUMNS, FILES, INSIDE, URL, Key, Leads, SourceKind
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.data import check_kinds, source_kinds
from kronkers_batch.data.findings import CheckResult
from kronkers_batch.families import Family, module_of

ROOT = Path(__file__).parents[2]
DUMMY = Path(__file__).parent / "dummy"


def modules(package: object) -> set[str]:
    return {one.name for one in pkgutil.iter_modules(package.__path__)}


def test_what_is_declared_is_read_and_judged_and_the_other_way_round():
    assert modules(declared_sources) == modules(source_kinds)
    assert modules(declared_checks) == modules(check_kinds)
    for name in SOURCE_KINDS:
        assert isinstance(source_kinds.of(name), source_kinds.Reader)
    for name in CHECK_KINDS:
        assert isinstance(check_kinds.of(name), check_kinds.Judge)


def test_what_is_no_kind_has_no_module():
    """Also where a stored result names it: no other module is imported for that."""
    for of, found in (
        (source_kinds.of, "csvfile"),
        (check_kinds.of, "__init__"),
        (check_kinds.of, "..errors"),
    ):
        with pytest.raises(ValueError, match="there is no such kind"):
            of(found)
    stored = {"name": "a", "columns": [], "kind": "later", "action": "fail", "failed": 0, "total": 1}
    with pytest.raises(ValueError, match="there is no such kind"):
        CheckResult.from_json(stored | {"verdict": "passed", "origin": "f", "source": ""})


def test_a_module_without_a_kind_of_its_name_is_an_error(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    for number, text in enumerate(("", "from kronkers_batch.config.source_kinds.csv import KIND")):
        package = tmp_path / f"contracted_{number}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "other.py").write_text(text)
        with pytest.raises(TypeError, match=rf"contracted_{number}\.other has no KIND"):
            Family(package.name, SourceKind)["other"]


OWN_PATH = Key(Field("file", PATH), "where", required=True)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ((), "rows of columns that nobody declares"),
        ((FILES,), "rows of columns that nobody declares"),
        ((COLUMNS,), "must say where its rows come from"),
        ((COLUMNS, Key(Field("file", TEXT), "where")), "must say where its rows come from"),
        ((COLUMNS, FILES, URL), "must say where its rows come from"),
        ((COLUMNS, FILES, OWN_PATH), "may be a place that nobody looks at"),
        ((COLUMNS, FILES, Key(Field("server", SECRET), "where")), "may be a place that nobody looks at"),
        ((COLUMNS, Key(fields.PATH, "where")), "may be a place that nobody looks at"),
        ((COLUMNS, Key(fields.URL, "where", leads=Leads.INSIDE)), "may be a place that nobody looks at"),
        ((COLUMNS, Key(Field("file", TEXT), "where", leads=Leads.FILES)), "may be a place that nobody looks"),
        ((COLUMNS, FILES, Key(Field("origin", TEXT), "where")), "takes the key origin for itself"),
        ((COLUMNS, FILES, Key(Field("options", TEXT), "where")), "takes the key options for itself"),
    ],
)
def test_a_kind_that_does_not_say_where_its_rows_lie_is_refused(keys, says):
    with pytest.raises(ValueError, match=says):
        SourceKind("other", keys)


def test_a_kind_of_check_without_arguments_cannot_be_made():
    with pytest.raises(TypeError, match=r"abstract method '?arguments"):
        CheckKind("other", ())


def test_what_a_kind_says_decides_what_is_claimed():
    assert [name for name, kind in SOURCE_KINDS.items() if kind.has_files] == ["csv", "parquet"]
    assert {kind.place_key for kind in SOURCE_KINDS.values() if FILES in kind.keys} == {"path"}
    assert SOURCE_KINDS["database"].place_key == "url"
    assert not SourceKind("other", (COLUMNS, INSIDE)).place_key


# ---------------------------------------------------------------- nothing else knows a kind


def compared(tree: ast.Module) -> list[str]:
    """Where something's kind is compared with the name of a kind of source or check."""
    names = {*SOURCE_KINDS, *CHECK_KINDS}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "kind" in ast.unparse(node.left):
            words = {n.value for c in node.comparators for n in ast.walk(c) if isinstance(n, ast.Constant)}
            found += [ast.unparse(node)] if words & names else []
        if isinstance(node, ast.Match) and "kind" in ast.unparse(node.subject):
            words = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            found += [ast.unparse(node.subject)] if words & names else []
    return found


def test_no_module_asks_of_which_kind_a_source_or_check_is():
    own = [Path(package.__path__[0]) for package in (declared_sources, declared_checks)]
    own += [Path(package.__path__[0]) for package in (source_kinds, check_kinds)]
    rooms = [Path(next(iter(package.__path__))).parent for package in (config, data)]
    found = {}
    for path in rooms[0].rglob("*.py"):
        if not any(folder in path.parents for folder in own):
            found[str(path)] = compared(ast.parse(path.read_text()))
    assert {path: where for path, where in found.items() if where} == {}
    assert compared(ast.parse("if source.kind == 'csv': pass"))
    assert compared(ast.parse("if check.kind in ('rows', 'range'): pass"))
    assert compared(ast.parse("match check.kind:\n    case 'rows': pass"))


def test_the_files_that_are_named_for_who_adds_one_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Where to add")[1]
    parts = {part.split("**")[0]: part for part in text.split("**A ")[1:]}
    for what, every in (("kind of check", CHECK_KINDS), ("kind of source", SOURCE_KINDS)):
        named = [path for path in re.findall(r"`([\w./]+)`", parts[what]) if "/" in path]
        assert sum("NAME" in path for path in named) == 3, what
        for path in (path.replace("NAME", module_of(kind)) for path in named for kind in every):
            assert (ROOT / path).is_file() or (ROOT / "kronkers_batch" / path).is_file(), path


# ---------------------------------------------------------------- a new one


def test_a_new_kind_of_source_and_of_check_works_by_being_there(tmp_path):
    """A copy of the program with six new files: nothing else is changed in it, and the suites run on them."""
    for name in ("kronkers_batch", "tests"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("dummy", "benchmarks", "e2e")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    before = set(tmp_path.rglob("*.py"))
    shutil.copytree(DUMMY, tmp_path, dirs_exist_ok=True)
    new = set(tmp_path.rglob("*.py")) - before
    assert len(new) == len(list(DUMMY.rglob("*.py"))) == 7
    suites = ["tests/contract/source", "tests/contract/check", "tests/contract/end_to_end.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [
            *command,
            f"--basetemp={tmp_path}/tmp",
            *suites,
            "-k",
            "lines or even or maker or new or both or command",
        ],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 30
